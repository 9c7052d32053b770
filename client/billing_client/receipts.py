"""What a settled call cost, line by line."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from billing_client.values import Raw, flag, integer, money, optional_moment, optional_money, text


@dataclass(frozen=True, slots=True)
class Leaf:
    """One line of a receipt; None where the API says that the leaf has no price."""

    leaf: str
    tokens: int
    rate_per_million: Decimal | None
    price_per_million: Decimal | None
    amount: Decimal | None
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            leaf=text(raw["leaf"]),
            tokens=integer(raw["tokens"]),
            rate_per_million=optional_money(raw.get("rate_per_million")),
            price_per_million=optional_money(raw.get("price_per_million")),
            amount=optional_money(raw.get("amount")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A settled call: `cost` is what it is worth, `charged` what the wallet paid, `absorbed` the difference.

    `estimated`: the provider did not say all of what it counted. `flags`: what was odd about its figures, in words.
    """

    id: UUID
    status: str
    charged: Decimal
    cost: Decimal
    list_cost: Decimal | None
    absorbed: Decimal
    held: Decimal | None
    released: Decimal | None
    available: Decimal | None
    currency: str
    leaves: tuple[Leaf, ...]
    transfers: tuple[Raw, ...]
    posted_at: datetime | None
    estimated: bool
    flags: tuple[str, ...]
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            id=UUID(text(raw["id"])),
            status=text(raw["status"]),
            charged=money(raw["charged"]),
            cost=money(raw["cost"]),
            list_cost=optional_money(raw.get("list_cost")),
            absorbed=money(raw["absorbed"]),
            held=optional_money(raw.get("held")),
            released=optional_money(raw.get("released")),
            available=optional_money(raw.get("available")),
            currency=text(raw["currency"]),
            leaves=tuple(Leaf.read(leaf) for leaf in raw.get("leaves") or ()),
            transfers=tuple(raw.get("transfers") or ()),
            posted_at=optional_moment(raw.get("posted_at")),
            estimated=flag(raw.get("estimated", False)),
            flags=tuple(text(words) for words in raw.get("flags") or ()),
            raw=raw,
        )
