"""The table of usage by one dimension, and the figures above it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.usage.asked import Asked
from analytics.usage.words import change_text, per_million, percent_text
from metering.filters import Selection
from metering.periods import Period
from metering.sums import Group, Sums, by, how_many, narrowed, totals

ROWS = 100  # of a table; the sum below is of all


@dataclass(frozen=True)
class Row:
    """One line of the table, or the sum below it; `address` leads on from there, "" where nothing does."""

    name: str
    sums: Sums
    share: str
    cached: str
    change: str
    per_million: Decimal | None
    address: str = ""


@dataclass(frozen=True)
class Table:
    """`rows` are the dearest of `count`; `all` is the sum of every one of them, `before` that of the period before."""

    rows: Sequence[Row]
    count: int
    all: Row
    before: Sums


def table(organisation_id: int, asked: Asked, period: Period, selection: Selection, people: Mapping[str, str]) -> Table:
    """Usage by the dimension that was asked for, each row beside the same in the period before."""
    everything = totals(organisation_id, period, selection)
    all_before = totals(organisation_id, period.before, selection)
    shown = by(asked.by, organisation_id, period, selection, None if asked.by == "day" else ROWS)
    earlier = _earlier(organisation_id, asked, period, selection, shown)
    rows = [_line(asked, group, earlier.get(group.key, Sums()), everything, people) for group in shown]
    count = len(rows) if len(rows) != ROWS else how_many(asked.by, organisation_id, period, selection)
    return Table(rows, count, _row("All", everything, all_before, everything, ""), all_before)


def _earlier(
    organisation_id: int, asked: Asked, period: Period, selection: Selection, shown: Sequence[Group]
) -> Mapping[str, Sums]:
    """What the same groups, or the days before them, had in the period before."""
    if asked.by == "day":
        return _shifted(by("day", organisation_id, period.before, selection), len(period))
    before = by(asked.by, organisation_id, period.before, narrowed(selection, asked.by, shown))
    return {group.key: group.sums for group in before}


def _line(asked: Asked, group: Group, before: Sums, everything: Sums, people: Mapping[str, str]) -> Row:
    return _row(_name(asked.by, group, people), group.sums, before, everything, _leads(asked, group))


def _row(name: str, sums: Sums, before: Sums, everything: Sums, address: str) -> Row:
    return Row(
        name=name, sums=sums, address=address,
        share=percent_text(sums.charge, everything.charge),
        cached=percent_text(sums.cached_tokens, sums.input_tokens),
        change=change_text(sums.charge, before.charge),
        per_million=per_million(sums.charge, sums.tokens),
    )  # fmt: skip


def _shifted(before: Sequence[Group], days: int) -> dict[str, Sums]:
    """Each day of the period before, under the day that takes its place in this one."""
    first = date.fromordinal
    return {first(date.fromisoformat(g.key).toordinal() + days).isoformat(): g.sums for g in before}


def _name(dimension: str, group: Group, people: Mapping[str, str]) -> str:
    if dimension == "day":
        return f"{date.fromisoformat(group.key):%a %-d %b %Y}"
    if dimension == "member":
        return people.get(group.key, group.key) or "No member named"
    return group.name


def _leads(asked: Asked, group: Group) -> str:
    """The address that narrows the page down to this row."""
    if not group.key:  # calls without a label can't be asked for
        return ""
    return asked.but(day=group.key) if asked.by == "day" else asked.but(**{asked.by: group.key})
