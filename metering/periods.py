"""Periods of local days, as pages and the API ask for them. Pure: `today` is the caller's to know.

A day is a local day of the organisation's billing zone, as `billing_day` in SQL cuts it; a change of the clocks makes
one longer or shorter, and it is one day all the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

MOST_DAYS = 400
DEFAULT = "30d"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EARLIEST, _LATEST = date(2000, 1, 1), date(2999, 12, 31)


class WrongPeriod(ValueError):
    """Days that are no period; `field` is the one to mend: "range", "from" or "to"."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Period:
    """The local days from `first` to `last`, both included; `name` is a key of `RANGES`, "" where days were named."""

    first: date
    last: date
    name: str = ""

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=ahead) for ahead in range(len(self)))

    @property
    def before(self) -> "Period":
        """The period just before, with as many days."""
        return Period(self.first - timedelta(days=len(self)), self.first - timedelta(days=1))


def _last_days(days: int, today: date) -> tuple[date, date]:
    return today - timedelta(days=days - 1), today


def _last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


RANGES: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today),
    "7d": lambda today: _last_days(7, today),
    "30d": lambda today: _last_days(30, today),
    "month": lambda today: (today.replace(day=1), today),
    "last-month": _last_month,
}


def read_period(*, today: date, name: str = "", first: str = "", last: str = "") -> Period:
    """The period that was asked for: days where any are named (ISO 8601; `last` defaults to today), else the range
    `name`, else the last 30 days. Raises `WrongPeriod`; nothing is ever put right silently.
    """
    if first or last:
        return _between(first, last, today)
    chosen = RANGES.get(name or DEFAULT)
    if chosen is None:
        raise WrongPeriod("range", f"There is no range {name!r}. There are {', '.join(RANGES)}.")
    return Period(*chosen(today), name or DEFAULT)


def _between(first: str, last: str, today: date) -> Period:
    if not first:
        raise WrongPeriod("from", "Name the first day, too.")
    begins, ends = _day("from", first), _day("to", last) if last else today
    if begins > ends:
        raise WrongPeriod("from", "The first day is after the last one.")
    period = Period(begins, ends)
    if len(period) > MOST_DAYS:
        raise WrongPeriod("from", f"That is {len(period):,} days; at most {MOST_DAYS} can be asked for at once.")
    return period


def _day(field: str, text: str) -> date:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise WrongPeriod(field, f"{text[:20]!r} is no day of the calendar. Write it like 2026-11-30.")
    if not _EARLIEST <= day <= _LATEST:
        raise WrongPeriod(field, f"{day} is too far away. There are days from {_EARLIEST} to {_LATEST}.")
    return day
