"""Compare the price book with the installed genai-prices list, show the difference, and write it when told to."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.tenancy import acting_as, signed
from providers.errors import CannotAdd, ImportRefused
from providers.importing.asking import Ask
from providers.importing.difference import Difference
from providers.importing.lines import applied
from providers.importing.report import as_json, as_text
from providers.importing.services import apply_list, compare_with_list

DIFFERS, REFUSED = 1, 2


class Command(BaseCommand):
    help = """\
Compare the price book with the installed genai-prices list and show the difference. Nothing is written without
--apply, and the network is never asked: a newer list comes with a newer package.

Compared are the models that the price book has. --model and --new add others. A changed price holds from now on,
one that the list has for a day to come from that day; past prices stay, so what was charged stays.

A rate that the list no longer has ends where the list has another that is charged instead; where it has none, it
stays in force until --retire.

Exit codes: 0 the book says what the list says, or does now; 1 they differ; 2 refused, nothing was written."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--provider", action="append", default=[], metavar="SLUG", help="only this provider; may be repeated")
        add("--model", action="append", default=[], type=_model, metavar="PROVIDER/MODEL",
            help="add this model, too; may be repeated")  # fmt: skip
        add("--new", action="store_true", help="add every model that can be added; the others are listed with reasons")
        add("--access-class", default="", metavar="CLASS", help="of added models: plans name the classes they include")
        add("--max-output", type=_tokens, metavar="TOKENS", help="of added models: the list doesn't know it")
        add("--context-window", type=_tokens, metavar="TOKENS", help="of added models, where the list doesn't know it")
        add("--dearer-than", type=_per_cent, default=Decimal(20), metavar="PERCENT",
            help="mark what raises a charge by more than this (20)")  # fmt: skip
        add("--accept", action="store_true",
            help="apply also such rises and what replaces prices entered by hand; else it is refused")  # fmt: skip
        add("--keep-by-hand", action="store_true", help="leave prices entered by hand as they are")
        add("--retire", action="store_true",
            help="end also the rates that the list no longer has and that nothing in it stands in for")  # fmt: skip
        add("--apply", action="store_true", help="write what is shown, all of it or nothing")
        add("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        ask = _ask(options)
        try:
            found = compare_with_list(ask)
            self._show(found, options)
            if found.cannot_add:
                raise CannotAdd(found.cannot_add)
            differs = not found.agrees
            if options["apply"]:
                with acting_as("command import_prices"), signed():
                    done = apply_list(ask, digest=found.digest, accepted=options["accept"])
                self.stderr.write(applied(done))
                differs = bool(done.left)
        except ImportRefused as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        if differs:
            sys.exit(DIFFERS)

    def _show(self, found: Difference, options: dict[str, Any]) -> None:
        self.stdout.write(as_json(found) if options["format"] == "json" else as_text(found))


def _ask(options: dict[str, Any]) -> Ask:
    return Ask(
        providers=tuple(sorted(set(options["provider"]))),
        models=tuple(dict.fromkeys(options["model"])),
        new=options["new"],
        access_class=options["access_class"],
        max_output=options["max_output"],
        context=options["context_window"],
        dearer_than=options["dearer_than"],
        retire=options["retire"],
        keep=options["keep_by_hand"],
    )


def _model(value: str) -> tuple[str, str]:
    provider, _, model = value.partition("/")
    if not (provider and model):
        raise ArgumentTypeError("must be PROVIDER/MODEL, for instance anthropic/claude-haiku-4-5")
    return provider, model


def _tokens(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) < 2**31):
        raise ArgumentTypeError("must be a whole number of tokens, 1 or more")
    return int(value)


def _per_cent(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0:
        raise ArgumentTypeError("must be a number, 0 or more")
    return number
