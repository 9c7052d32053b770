"""Reading single values out of JSON, exactly or not at all.

Every function raises ValueError, TypeError or KeyError for what it cannot read: a figure that is not certain must never
become a figure that looks certain.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Raw = Mapping[str, Any]


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; numbers with a fraction become Decimal, since a float would lose digits of money."""
    return json.loads(body, parse_float=Decimal)


def money(value: object) -> Decimal:
    """An amount from its decimal string (or JSON number), in whole currency units."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError(f"not an amount: {value!r}")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"not an amount: {value!r}") from None
    if not amount.is_finite():
        raise ValueError(f"not an amount: {value!r}")
    return amount


def optional_money(value: object) -> Decimal | None:
    """An amount, or None where the API says null: not known is not zero."""
    return None if value is None else money(value)


def integer(value: object) -> int:
    """A whole number; true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def flag(value: object) -> bool:
    """A JSON true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"not true or false: {value!r}")
    return value


def text(value: object) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def optional_text(value: object) -> str | None:
    """A JSON string or null."""
    return None if value is None else text(value)


def moment(value: object) -> datetime:
    """A time with its zone, from ISO 8601; a time without a zone is refused, since nobody can say when it was."""
    found = datetime.fromisoformat(text(value))
    if found.tzinfo is None:
        raise ValueError(f"time without a zone: {value!r}")
    return found


def optional_moment(value: object) -> datetime | None:
    """A time with its zone, or null."""
    return None if value is None else moment(value)
