"""Usage that comes in several pieces. Providers' streams report running totals, so pieces are never added."""

from collections.abc import Iterable
from typing import Any

from metering.normalising.reading import Json

NESTED = 2  # details, and details of details: no provider goes deeper


def newest(usages: Iterable[Json]) -> dict[str, Any]:
    """The last value of each field that is not null, also within details: a later null or absent one erases nothing."""
    merged: dict[str, Any] = {}
    for usage in usages:
        merged = _over(merged, usage, NESTED)
    return merged


def _over(base: Json, new: Json, depth: int) -> dict[str, Any]:
    result = dict(base)
    for name, value in new.items():
        below = result.get(name)
        if depth and isinstance(below, dict) and isinstance(value, dict):
            result[name] = _over(below, value, depth - 1)
        elif value is not None or name not in result:
            result[name] = value
    return result
