"""What was used and charged, summed by day, model, provider, project, agent or member.

All of it reads the rows by local day (`DailyUsage`): its cost grows with the days and with what they were used for,
never with the number of calls. Those rows are written with each settlement, so today is exact.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum

from metering.filters import Selection
from metering.models import DailyUsage
from metering.periods import Period


@dataclass(frozen=True)
class Sums:
    """Tokens and amounts of some calls. `estimated`: how many of the requests nobody reported the usage of."""

    requests: int = 0
    estimated: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0  # of the input tokens
    output_tokens: int = 0
    list_cost: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    charge: Decimal = Decimal(0)
    absorbed: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in _FIGURES})


@dataclass(frozen=True)
class Group:
    """One row of a table: what it stands for, and its sums. `key` is what a filter takes; `name` is for people."""

    key: str
    name: str
    sums: Sums


_FIGURES = tuple(field.name for field in fields(Sums))
_SUMMED: Mapping[str, Any] = {f"sum_{name}": Sum(name) for name in _FIGURES}

# Columns that name a group, its key made of the first ones; the last one is its name for people.
DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "model": ("model__provider__slug", "model__name"),
    "provider": ("model__provider__slug", "model__provider__name"),
    "project": ("project__slug", "project__name"),
    "agent": ("agent__slug", "agent__name"),
    "member": ("user",),
    "day": ("local_day",),
}


def totals(organisation_id: int, period: Period, selection: Selection) -> Sums:
    """The sums of all selected usage in a period."""
    return _sums(_rows(organisation_id, period, selection).aggregate(**_SUMMED))


def by(
    dimension: str, organisation_id: int, period: Period, selection: Selection, most: int | None = None
) -> list[Group]:
    """The sums by a key of `DIMENSIONS`: the dearest first, days the newest first. Only groups with usage.

    `most`: not more than so many of the dearest; callers may name as many members as they have customers.
    """
    columns = DIMENSIONS[dimension]
    grouped = _rows(organisation_id, period, selection).values(*columns).annotate(**_SUMMED)
    rows = grouped.order_by("-sum_charge", "-sum_requests", *columns)[:most] if most else grouped.order_by()
    groups = [Group(_key(dimension, row), str(row[columns[-1]]), _sums(row)) for row in rows]
    if dimension == "day":
        return sorted(groups, key=lambda group: group.key, reverse=True)
    return sorted(groups, key=lambda group: (-group.sums.charge, -group.sums.requests, group.key))


def by_day_and_model(organisation_id: int, period: Period, selection: Selection) -> dict[tuple[str, str], Sums]:
    """The sums by (ISO day, model as a filter takes it)."""
    columns = ("local_day", *DIMENSIONS["model"])
    rows = _rows(organisation_id, period, selection).values(*columns).annotate(**_SUMMED).order_by()
    return {(row["local_day"].isoformat(), _key("model", row)): _sums(row) for row in rows}


def how_many(dimension: str, organisation_id: int, period: Period, selection: Selection) -> int:
    """How many groups `by` has in all."""
    groups = _rows(organisation_id, period, selection).values(*DIMENSIONS[dimension]).distinct()
    return int(groups.order_by().count())


def narrowed(selection: Selection, dimension: str, groups: Iterable[Group]) -> Selection:
    """The selection with little more than these groups, to look the same ones up in another period."""
    column = "model__name" if dimension == "model" else DIMENSIONS[dimension][0]
    names = [group.name if dimension == "model" else group.key for group in groups]
    return Selection(selection.condition & Q(**{f"{column}__in": names}), selection.unknown)


def total(parts: Iterable[Sums]) -> Sums:
    """The sum of sums."""
    return sum(parts, Sums())


def _rows(organisation_id: int, period: Period, selection: Selection) -> "QuerySet[DailyUsage]":
    days = DailyUsage.objects.filter(organisation_id=organisation_id, local_day__range=(period.first, period.last))
    return days.filter(selection.condition)


def _key(dimension: str, row: Mapping[str, Any]) -> str:
    if dimension == "model":
        return f"{row['model__provider__slug']}/{row['model__name']}"
    first = row[DIMENSIONS[dimension][0]]
    return first.isoformat() if dimension == "day" else str(first)


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(**{name: found for name in _FIGURES if (found := row[f"sum_{name}"]) is not None})
