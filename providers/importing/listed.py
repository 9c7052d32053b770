"""A model as the list has it, in our terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from providers.importing.slots import Slot


@dataclass(frozen=True)
class Step:
    """The list's prices per 1M from `starts` on (UTC)."""

    starts: datetime
    prices: Mapping[Slot, Decimal]


@dataclass(frozen=True)
class Listed:
    """`steps`: prices now, then each change that has a date. `aliases`: names that are exactly this model's.

    `uncounted`: price keys in units that no leaf of ours counts. `unread`: sentences about further prices that are left
    out, `unclear`: the service tiers they are of. `refused`: why nothing of the model can be taken; "" where it can.
    """

    name: str
    context: int | None = None
    deprecated: bool = False
    aliases: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    uncounted: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unclear: frozenset[str] = frozenset()
    refused: str = ""


class Unreadable(ValueError):
    """A price that can't be a rate of ours; says why, for staff."""
