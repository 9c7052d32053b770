"""One price in which our book differs from the list, and what that does to what is charged. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from common.money import EXACT
from providers.importing.charges import Effect
from providers.importing.slots import Slot


class Kind(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    KEPT = "kept"  # the list is not followed here


@dataclass(frozen=True)
class Change:
    """One slot whose price differs from `starts` on (None: at once).

    `old`, `new`: per 1M, the price of the slot's own rate in the book and in the list, None where there is none.
    `listed`: the list's model that the price is of. `written`: whether applying makes a row of it. `by_hand`: the
    book's row was entered by a person. `sold`: whether the model has any price before.
    """

    kind: Kind
    provider: str
    model: str
    slot: Slot
    old: Decimal | None
    new: Decimal | None
    starts: datetime | None
    listed: str
    written: bool
    by_hand: bool
    sold: bool
    effect: Effect

    @property
    def before(self) -> Decimal | None:
        """What is charged without this change: of what has no price, nothing. None: the model was not on sale."""
        if self.effect.before:
            return self.effect.before.price
        return Decimal(0) if self.sold else None

    @property
    def after(self) -> Decimal | None:
        """What is charged with it; None: it no longer has a price."""
        return self.effect.after.price if self.effect.after else None

    @property
    def percent(self) -> Decimal | None:
        """By how much the charge changes. None: there is nothing to compare, or it was free before."""
        if self.before is None or self.after is None or (self.before == 0 != self.after):
            return None
        with localcontext(EXACT):
            return Decimal(0) if self.before == self.after else (self.after - self.before) * 100 / self.before

    def dearer(self, than: Decimal) -> bool:
        """Whether the charge rises by more than `than` per cent; from nothing to something always does."""
        if self.before == 0:
            return bool(self.after)
        return self.percent is not None and self.percent > than

    @property
    def free(self) -> bool:
        """Whether the list says 0 in so many words."""
        return self.kind in (Kind.NEW, Kind.CHANGED) and self.new == 0
