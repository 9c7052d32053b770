"""What the API answers, as frozen dataclasses.

Amounts are Decimal in whole currency units, times carry their zone. `raw` is the answer as it came, so that a field
this version does not know is tolerated and still within reach. Each `read` raises ValueError, TypeError or KeyError
when a field it needs is missing or unreadable.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from billing_client.prices import Rate
from billing_client.values import Raw, flag, integer, moment, money, optional_text, text


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A hold: the call may use up to `max_output_tokens`, which is less than was asked when `clamped`."""

    id: UUID
    max_output_tokens: int
    clamped: bool
    held: Decimal
    available: Decimal
    currency: str
    expires_at: datetime
    rates: tuple[Rate, ...]
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            id=UUID(text(raw["id"])),
            max_output_tokens=integer(raw["max_output_tokens"]),
            clamped=flag(raw["clamped"]),
            held=money(raw["held"]),
            available=money(raw["available"]),
            currency=text(raw["currency"]),
            expires_at=moment(raw["expires_at"]),
            rates=tuple(Rate.read(rate) for rate in raw.get("rates") or ()),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether a running call may go on; `reason` says why not."""

    decision: str
    reason: str | None
    accrued: Decimal
    held: Decimal
    available: Decimal
    expires_at: datetime
    raw: Raw = field(compare=False, repr=False)

    @property
    def stop(self) -> bool:
        """True unless the API said "continue": an answer this version does not know must not let a call run on."""
        return self.decision != "continue"

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            decision=text(raw["decision"]),
            reason=optional_text(raw.get("reason")),
            accrued=money(raw["accrued"]),
            held=money(raw["held"]),
            available=money(raw["available"]),
            expires_at=moment(raw["expires_at"]),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Release:
    """A hold given back unused."""

    id: UUID
    state: str
    released: Decimal
    available: Decimal
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            id=UUID(text(raw["id"])),
            state=text(raw["state"]),
            released=money(raw["released"]),
            available=money(raw["available"]),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """The wallet: balance = available + held; `accrued` is reported by running calls and not yet charged."""

    balance: Decimal
    held: Decimal
    available: Decimal
    accrued: Decimal
    currency: str
    raw: Raw = field(compare=False, repr=False)

    @classmethod
    def read(cls, raw: Raw) -> Self:
        return cls(
            balance=money(raw["balance"]),
            held=money(raw["held"]),
            available=money(raw["available"]),
            accrued=money(raw["accrued"]),
            currency=text(raw["currency"]),
            raw=raw,
        )
