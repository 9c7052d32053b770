"""Models and their prices."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self

from billing_client.values import Raw, integer, optional_moment, optional_money, optional_text, text


@dataclass(frozen=True, slots=True)
class Rate:
    """Price of one usage leaf per million tokens: `rate` is the list price, `price` what this organisation pays.

    It holds at `service_tier`, for requests whose input is above `class_above` tokens.
    """

    leaf: str
    service_tier: str | None
    class_above: int
    rate_per_million: Decimal | None
    price_per_million: Decimal | None
    effective_from: datetime | None
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            leaf=text(raw["leaf"]),
            service_tier=optional_text(raw.get("service_tier")),
            class_above=integer(raw.get("class_above", 0)),
            rate_per_million=optional_money(raw.get("rate_per_million")),
            price_per_million=optional_money(raw.get("price_per_million")),
            effective_from=optional_moment(raw.get("effective_from")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model this key may call: the names it goes by, its limits in tokens, its prices."""

    provider: str
    model: str
    aliases: tuple[str, ...]
    context_tokens: int
    max_output_tokens: int
    prices: tuple[Rate, ...]
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            provider=text(raw["provider"]),
            model=text(raw["model"]),
            aliases=tuple(text(alias) for alias in raw.get("aliases") or ()),
            context_tokens=integer(raw["context_tokens"]),
            max_output_tokens=integer(raw["max_output_tokens"]),
            prices=tuple(Rate.read(rate) for rate in raw.get("prices") or ()),
            raw=raw,
        )
