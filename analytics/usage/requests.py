"""Requests one by one, newest first, in pages by key: a page costs the same at the start and after a million rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from analytics.usage.place import Place
from metering.filters import Selection
from metering.models import DailyUsage, UsageRecord
from metering.periods import Period

SIZE = 50
# A page ends early rather than read more than this for a filter that few rows of busy days pass.
MOST_READ = 100_000
MOST_DAYS = 60
NEWEST_FIRST = ("-local_day", "-posted_at", "-id")
OLDEST_FIRST = ("local_day", "posted_at", "id")


@dataclass(frozen=True)
class RequestsPage:
    """Rows newest first. `newer` and `older`: whether there is more, beyond the first and the last of them."""

    rows: Sequence[UsageRecord]
    newer: bool = False
    older: bool = False

    @property
    def first(self) -> Place:
        return _place(self.rows[0])

    @property
    def last(self) -> Place:
        return _place(self.rows[-1])


@dataclass(frozen=True)
class Day:
    """A local day with selected rows. `requests` of them are no corrections; `all` is what the day has in all."""

    day: date
    requests: int
    all: int


def requests_page(
    organisation_id: int, period: Period, selection: Selection, older_than: Place | None, newer_than: Place | None
) -> RequestsPage:
    """The page that begins below `older_than`, or ends above `newer_than`, or the newest; in a snapshot's scope."""
    days = days_with_rows(organisation_id, period, selection)
    if newer_than is not None:
        rows, more = _read(organisation_id, days[::-1], selection, newer_than, OLDEST_FIRST)
        return RequestsPage(rows[::-1], newer=more, older=True)
    rows, more = _read(organisation_id, days, selection, older_than, NEWEST_FIRST)
    return RequestsPage(rows, newer=older_than is not None, older=more)


def days_with_rows(organisation_id: int, period: Period, selection: Selection) -> list[Day]:
    """The days of the period that have selected rows, newest first, from the sums by day: no other day is searched."""
    if selection.unknown:
        return []
    rows = DailyUsage.objects.filter(organisation_id=organisation_id, local_day__range=(period.first, period.last))
    counted = rows.values("local_day").annotate(
        all=Sum("requests"),
        selected=Sum("requests", filter=selection.condition),
        sums=Count("pk", filter=selection.condition),
    )
    found = counted.filter(sums__gt=0).order_by("-local_day")
    return [Day(row["local_day"], row["selected"], row["all"]) for row in found]


def _read(
    organisation_id: int, days: Sequence[Day], selection: Selection, beyond: Place | None, order: tuple[str, str, str]
) -> tuple[list[UsageRecord], bool]:
    """Up to a page of rows in `order`, from days in that order, and whether there are more."""
    ahead = [day for day in days if beyond is None or _is_ahead(day.day, beyond.day, order)]
    chosen = _enough(ahead, beyond)
    if not chosen:
        return [], False
    parts = [_rows_of(organisation_id, day, selection, beyond, order)[: SIZE + 1] for day in chosen]
    # A union of one query for each day, since each of them is a walk along the index that ends with the page.
    keys = parts[0].union(*parts[1:], all=True).order_by(*order)[: SIZE + 1] if len(parts) > 1 else parts[0]
    found = [key for _, _, key in keys]
    rows = with_names(UsageRecord.objects.filter(organisation_id=organisation_id, pk__in=found[:SIZE])).order_by(*order)
    return list(rows), len(found) > SIZE or len(chosen) < len(ahead)


def _is_ahead(day: date, of: date, order: tuple[str, str, str]) -> bool:
    return day <= of if order is NEWEST_FIRST else day >= of


def _enough(days: Sequence[Day], beyond: Place | None) -> list[date]:
    """The first days that surely fill a page. How many are left of the day that the last page ended in isn't known."""
    chosen: list[date] = []
    selected = read = 0
    for day in days:
        chosen.append(day.day)
        read += day.all
        selected += day.requests if beyond is None or day.day != beyond.day else 0
        if selected > SIZE or read > MOST_READ or len(chosen) == MOST_DAYS:
            break
    return chosen


def _rows_of(
    organisation_id: int, day: date, selection: Selection, beyond: Place | None, order: tuple[str, str, str]
) -> "QuerySet[UsageRecord, tuple[date, datetime, UUID]]":
    rows = UsageRecord.objects.filter(selection.condition, organisation_id=organisation_id, local_day=day)
    if beyond is not None and day == beyond.day:
        rows = rows.filter(_after(beyond, "lt" if order is NEWEST_FIRST else "gt"))
    return rows.order_by(*order).values_list("local_day", "posted_at", "id")


def _after(place: Place, than: str) -> Q:
    # The first part alone is what an index can be entered with.
    later = Q(**{f"posted_at__{than}": place.at}) | Q(**{f"id__{than}": place.id})
    return Q(**{f"posted_at__{than}e": place.at}) & later


def with_names(records: "QuerySet[UsageRecord]") -> "QuerySet[UsageRecord]":
    """The records with what they name, but without the providers' raw answers, which are long."""
    return records.select_related("model__provider", "project", "agent").defer("raw")


def _place(record: UsageRecord) -> Place:
    return Place(record.local_day, record.posted_at, record.pk)
