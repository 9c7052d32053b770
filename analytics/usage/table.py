"""The table of usage by one dimension, and the figures above it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.usage.asked import Asked
from analytics.usage.words import change_text, per_million, percent_text
from metering.filters import Selection
from metering.periods import Period
from metering.sums import Group, Sums, by, total

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
    groups = by(asked.by, organisation_id, period, selection)
    before = by(asked.by, organisation_id, period.before, selection)
    everything, all_before = total(g.sums for g in groups), total(g.sums for g in before)
    earlier = _shifted(before, len(period)) if asked.by == "day" else {group.key: group.sums for group in before}
    shown = groups[: None if asked.by == "day" else ROWS]
    rows = [_line(asked, group, earlier.get(group.key, Sums()), everything, people) for group in shown]
    return Table(rows, len(groups), _row("All", everything, all_before, everything, ""), all_before)


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
