"""Gemini's field names: the API writes camelCase, its SDK snake_case."""

import functools
import re
from typing import Any

from metering.normalising.reading import Json

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_LONGEST = 64  # no field of the API has half of it


def in_snake_case(of: Json) -> dict[str, Any]:
    """`of` with its own names in snake_case, what is inside left alone; of two forms of a name the one that says
    something."""
    named: dict[str, Any] = {}
    for name, value in of.items():
        snake = _snake(name) if len(name) <= _LONGEST else name
        if named.get(snake) is None:
            named[snake] = value
    return named


@functools.lru_cache(maxsize=1024)  # the same few names in each of a stream's events
def _snake(name: str) -> str:
    return _HUMP.sub(r"_\1", name).lower()
