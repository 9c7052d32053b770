"""A difference for the terminal and for programs."""

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from providers.importing.additions import Refusal
from providers.importing.difference import Difference
from providers.importing.lines import Line, lines, price, summary

HEADERS = ("what", "model", "leaf", "tier", "requests", "book", "list", "charge", "begins", "")
RIGHT = {"requests", "book", "list", "charge"}
NAMED = 8  # models named for one reason


def as_text(found: Difference) -> str:
    """Aligned columns; prices in US dollars per 1M."""
    return "\n".join([*_table(lines(found)), *_rest(found), summary(found)])


def as_json(found: Difference) -> str:
    """The same for programs; prices as decimal strings."""
    dearer = set(found.dearer)
    shown = {
        "list": found.edition,
        "dearer_than": f"{found.ask.dearer_than:f}",
        "to_apply": not found.empty,
        "agrees": found.agrees,
        "digest": found.digest,
        "same": found.same,
        "models": [vars(addition) for addition in found.additions],
        "aliases": [vars(alias) for alias in found.aliases],
        "rates": [_rate(line, line.change in dearer) for line in lines(found)],
        "refused": [{"model": f"{r.provider}/{r.model}", "reason": r.reason} for r in found.refusals],
        "notes": found.notes,
    }
    return json.dumps(shown, indent=2)


def _rate(line: Line, dearer: bool) -> dict[str, object]:
    change = line.change
    return {
        "kind": change.kind.value,
        "model": line.model,
        "listed_as": change.listed,
        "leaf": line.leaf,
        "service_tier": line.tier,
        "class_above": change.slot.above,
        "old": _plain(change.old),
        "new": _plain(change.new),
        "charged_before": _plain(change.before),
        "charged_after": _plain(change.after),
        "effective_from": change.starts.isoformat() if change.starts else None,
        "dearer": dearer,
        "by_hand": change.by_hand,
        "to_accept": line.alert,
        "free": change.free,
        "to_apply": change.written,
    }


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount.normalize(), "f")


def _table(shown: list[Line]) -> Iterator[str]:
    if not shown:
        return
    cells = [HEADERS, *(_cells(line) for line in shown)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADERS))]
    for row in cells:
        aligned = [
            text.rjust(width) if header in RIGHT else text.ljust(width)
            for header, text, width in zip(HEADERS, row, widths, strict=True)
        ]
        yield "  ".join(aligned).rstrip()
    yield ""


def _cells(line: Line) -> tuple[str, ...]:
    old, new = price(line.change.old), price(line.change.new)
    return (
        line.what, line.named, line.leaf, line.tier, line.requests, old, new, line.percent, line.begins,
        ("! " if line.alert else "") + "; ".join(line.remarks),
    )  # fmt: skip


def _rest(found: Difference) -> Iterator[str]:
    for a in found.additions:
        facts = f"class {a.access_class}, context {a.context:,}, max output {a.max_output:,}"
        yield f"new model {a.provider}/{a.name}: {facts}"
    for alias in found.aliases:
        yield f"alias {alias.name} of {alias.provider}/{alias.model}"
    yield from grouped(found.refusals)
    yield from found.notes


def grouped(refusals: tuple[Refusal, ...]) -> Iterator[str]:
    """A sentence for each reason, with the models it holds for."""
    models = defaultdict(list)
    for refusal in refusals:
        models[refusal.reason].append(f"{refusal.provider}/{refusal.model}")
    for reason, names in models.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"not added, {reason}: {', '.join(names[:NAMED])}{more}"
