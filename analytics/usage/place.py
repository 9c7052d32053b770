"""A place in the list of requests, as an address carries it: after which row a page goes on. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = re.compile(r"(\d{8})-(\d{1,17})-([0-9a-f]{32})", re.ASCII)


class WrongPlace(ValueError):
    """An address that names no place."""


class Place(NamedTuple):
    """The row that a page goes on from: rows are in the order of these, newest first."""

    day: date
    at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.day:%Y%m%d}-{(self.at - _EPOCH) // _MICROSECOND}-{self.id.hex}"


def read_place(text: str) -> Place:
    """The place that was written. Raises `WrongPlace` for anything that `str(place)` doesn't write."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise WrongPlace(text)
    try:
        day = date(int(found[1][:4]), int(found[1][4:6]), int(found[1][6:]))
        return Place(day, _EPOCH + int(found[2]) * _MICROSECOND, UUID(found[3]))
    except ValueError as error:
        raise WrongPlace(text) from error
