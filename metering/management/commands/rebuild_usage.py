"""Make the sums by local day anew from the usage records."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.tenancy import platform
from metering.rebuilding import days_with_usage, rebuild_days
from organisations.models import Organisation


class Command(BaseCommand):
    help = "Make the sums by local day anew from the usage records, day by day, while settlements go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", metavar="SLUG", help="default: every organisation")
        parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="default: the first day with usage")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="default: the last day with usage")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["first"] and options["last"] and options["first"] > options["last"]:
            raise CommandError("--from is after --to")
        for organisation in _organisations(options["organisation"]):
            days = _rebuild(organisation, options["first"], options["last"])
            self.stdout.write(f"{organisation.slug}: {days} days")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is not a day such as 2026-11-30") from None


def _organisations(slug: str | None) -> list[Organisation]:
    with platform("read"):
        found = Organisation.objects.order_by("slug")
        organisations = list(found.filter(slug=slug) if slug else found)
    if slug and not organisations:
        raise CommandError(f"there is no organisation {slug}")
    return organisations


def _rebuild(organisation: Organisation, first: date | None, last: date | None) -> int:
    known = days_with_usage(organisation.pk)
    if known is None:
        return 0
    # Outside of these there is nothing to sum and no sum to mend.
    return rebuild_days(organisation.pk, max(first or known[0], known[0]), min(last or known[1], known[1]))
