"""Usage that comes in several pieces. Providers' streams report running totals, so pieces are never added."""

from collections.abc import Iterable
from typing import Any

from metering.normalising.reading import Json, UnreadableUsage

NESTED = 2  # details, and details of details: no provider goes deeper
MOST_FIELDS = 200  # of a usage object, or of details in it: ten times what any provider has


def newest(usages: Iterable[Json]) -> dict[str, Any]:
    """The last value of each field that is not null, also within details: a later null or absent one erases nothing.

    Raises `UnreadableUsage` for more fields than usage has.
    """
    merged: dict[str, Any] = {}
    for usage in usages:
        _take(merged, usage, NESTED)
    return merged


def _take(merged: dict[str, Any], new: Json, depth: int) -> None:
    # In place: a copy for each of a stream's events would take time that grows with the square of its length.
    for name, value in new.items():
        if depth and isinstance(value, dict):
            below = merged.get(name)
            if not isinstance(below, dict):
                below = merged[name] = {}  # never the sender's own object, which must stay as it came
            _take(below, value, depth - 1)
        elif value is not None or name not in merged:
            merged[name] = value
    if len(merged) > MOST_FIELDS:
        raise UnreadableUsage(f"The usage has more than {MOST_FIELDS} fields.")
