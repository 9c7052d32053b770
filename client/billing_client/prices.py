"""Models and their prices."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self

from billing_client.values import Raw, optional_moment, optional_money, text


@dataclass(frozen=True, slots=True)
class Rate:
    """Price of one usage leaf per million tokens: `rate` is the list price, `price` what this organisation pays."""

    leaf: str
    rate_per_million: Decimal | None
    price_per_million: Decimal | None
    effective_from: datetime | None
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            leaf=text(raw["leaf"]),
            rate_per_million=optional_money(raw.get("rate_per_million")),
            price_per_million=optional_money(raw.get("price_per_million")),
            effective_from=optional_moment(raw.get("effective_from")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model this key may call, with its prices."""

    provider: str
    model: str
    rates: tuple[Rate, ...]
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            provider=text(raw["provider"]),
            model=text(raw["model"]),
            rates=tuple(Rate.read(rate) for rate in raw.get("rates") or ()),
            raw=raw,
        )
