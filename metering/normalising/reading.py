"""Reads single values out of a provider's JSON. Strict where it bills, lenient where it is only text."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

MOST = 2_000_000_000  # tokens in one count: what the API takes for a leaf, too
MOST_OBJECTS = 50_000  # in one list of usage: each is counted, and a body may hold many times as many empty ones
_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")  # what the database takes as a model or tier

Json = Mapping[str, Any]


class UnreadableUsage(ValueError):
    """The answer is not one of a provider's, or a figure in it is no count. The message names the field."""


def value(of: Json, *path: str) -> Any:
    """What stands at `path`; None where it or an object on the way is absent or null.

    Raises `UnreadableUsage` where something on the way is not an object.
    """
    here: Any = of
    for depth, name in enumerate(path):
        if not isinstance(here, dict):
            raise UnreadableUsage(f"{'.'.join(path[:depth])} must be an object.")
        here = here.get(name)
        if here is None:
            return None
    return here


def count(of: Json, *path: str) -> int | None:
    """The count at `path`, None where it is absent or null: not measured is not 0.

    Raises `UnreadableUsage` for anything but a whole number from 0 to `MOST`; 15.0 is whole.
    """
    found = value(of, *path)
    if found is None:
        return None
    name = ".".join(path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UnreadableUsage(f"{name} must be a number.")
    if isinstance(found, float) and not found.is_integer():
        raise UnreadableUsage(f"{name} must be a whole number.")
    if found < 0:
        raise UnreadableUsage(f"{name} is negative.")
    if found > MOST:
        raise UnreadableUsage(f"{name} is above {MOST:,}.")
    return int(found)


def name_at(of: Json, *path: str) -> str | None:
    """The name (of a model, a tier) at `path`; None where it is absent, null or empty. Raises `UnreadableUsage`."""
    found = value(of, *path)
    if found is None or found == "":
        return None
    if not isinstance(found, str) or not _NAME.fullmatch(found):
        raise UnreadableUsage(f"{'.'.join(path)} must be a name of at most 200 characters.")
    return found


def object_at(of: Json, *path: str) -> Json:
    """The object at `path`; empty where it is absent or null. Raises `UnreadableUsage` for anything else."""
    found = value(of, *path)
    if found is not None and not isinstance(found, dict):
        raise UnreadableUsage(f"{'.'.join(path)} must be an object.")
    return found or {}


def objects_at(of: Json, *path: str) -> list[Json]:
    """The objects in the list at `path`, 50,000 at most; none where it is absent or null. Raises `UnreadableUsage`."""
    found = value(of, *path)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnreadableUsage(f"{'.'.join(path)} must be a list of objects.")
    if len(found) > MOST_OBJECTS:
        raise UnreadableUsage(f"{'.'.join(path)} has more than {MOST_OBJECTS:,} objects.")
    return found


def usage_in(item: Json, name: str, fields: Iterable[str]) -> Json | None:
    """The usage object that `item` holds under `name`, or is itself, by its `fields`. Raises `UnreadableUsage`."""
    if name not in item:
        return item if any(field in item for field in fields) else None
    return object_at(item, name) or None


def inner(of: Json, name: str) -> Json:
    """The object at `name`, empty where there is none: for parts of an answer that don't bill."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def each(of: Json, name: str) -> list[Json]:
    """The objects in the list at `name`, whatever else is there: for parts of an answer that don't bill."""
    found = of.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def word(of: Json, name: str) -> str:
    """The text at `name`, empty where there is none: for types and statuses."""
    found = of.get(name)
    return found if isinstance(found, str) else ""


def newest_name(items: Iterable[Json], *path: str) -> str | None:
    """The last name that any of `items` has at `path`. Raises `UnreadableUsage`."""
    return next(reversed([found for item in items if (found := name_at(item, *path))]), None)
