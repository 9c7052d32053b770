"""Gemini's field names: the API writes camelCase, its SDK snake_case."""

import re
from typing import Any

from metering.normalising.reading import Json

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def in_snake_case(of: Json) -> dict[str, Any]:
    """`of` with its own names in snake_case, what is inside left alone; of two forms of a name the one that says
    something."""
    named: dict[str, Any] = {}
    for name, value in of.items():
        snake = _HUMP.sub(r"_\1", name).lower()
        if named.get(snake) is None:
            named[snake] = value
    return named
