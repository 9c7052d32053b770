"""What differs between a model in our book and in the list, slot by slot and moment by moment. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from common.money import EXACT
from providers.importing.book import BookModel, Row, row_at
from providers.importing.listed import Listed, Step
from providers.importing.slots import STANDARD, Slot, instead

# Two rows can't begin at one moment: what corrects a planned one begins right after it.
RIGHT_AFTER = timedelta(microseconds=1)
SOON = timedelta(seconds=1)


class Kind(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    KEPT = "kept"  # a person entered it, and the list doesn't know it


@dataclass(frozen=True)
class Change:
    """One slot whose price differs from `starts` on (None: at once). Prices are per 1M.

    `old`, `new`: the price of the slot's own rate, None where there is none. `via`: where one is missing, the slot that
    is charged instead, at `via_price`.
    """

    kind: Kind
    provider: str
    model: str
    slot: Slot
    old: Decimal | None
    new: Decimal | None
    starts: datetime | None = None
    via: Slot | None = None
    via_price: Decimal | None = None

    @property
    def before(self) -> Decimal | None:
        """What is charged without this change; None: nothing comparable was on offer."""
        return self.via_price if self.kind is Kind.NEW else self.old

    @property
    def after(self) -> Decimal | None:
        """What is charged with it; None: the slot can no longer be used."""
        return self.via_price if self.kind is Kind.GONE else self.new

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


def changes_of(model: BookModel, listed: Listed, at: datetime) -> Iterator[Change]:
    """What to write so that the book says what the list says, now (`at`) and on each day to come."""
    rows: dict[Slot, tuple[Row, ...]] = dict(model.rows)
    for moment in _moments(model, listed, at):
        # Rows that correct a planned one begin right after it: they count as of the same moment.
        settled = moment if moment == at else moment + SOON
        has = {slot: row for slot, of_slot in rows.items() if (row := row_at(of_slot, settled))}
        wants = _step(listed, moment).prices
        for slot in sorted(has.keys() | wants.keys(), key=lambda slot: slot.order):
            row, price = has.get(slot), wants.get(slot)
            if row and price is not None and row.price == price and not row.inclusive:
                continue
            kept = row is not None and row.own and price is None
            if kept and moment > at:
                continue
            starts = _free(rows.get(slot, ()), moment)
            yield _change(model, slot, has, wants, None if starts == at else starts)
            if not kept:
                rows[slot] = (*rows.get(slot, ()), Row(starts, price))


def same(model: BookModel, listed: Listed, at: datetime) -> int:
    """How many of the prices in force are the list's already."""
    wants = _step(listed, at).prices
    has = {slot: row_at(of_slot, at) for slot, of_slot in model.rows.items()}
    return sum(1 for slot, row in has.items() if row and wants.get(slot) == row.price and not row.inclusive)


def _moments(model: BookModel, listed: Listed, at: datetime) -> list[datetime]:
    """Now, each day on which the list changes, and each moment for which the book has planned a price."""
    planned = {row.starts.replace(microsecond=0) for rows in model.rows.values() for row in rows if row.starts > at}
    return sorted({step.starts for step in listed.steps} | {moment for moment in planned if moment > at})


def _step(listed: Listed, moment: datetime) -> Step:
    return max((step for step in listed.steps if step.starts <= moment), key=lambda step: step.starts)


def _free(rows: tuple[Row, ...], moment: datetime) -> datetime:
    taken = [row.starts for row in rows if moment <= row.starts <= moment + SOON]
    return max(taken) + RIGHT_AFTER if taken else moment


def _change(
    model: BookModel, slot: Slot, has: Mapping[Slot, Row], wants: Mapping[Slot, Decimal], starts: datetime | None
) -> Change:
    row, new = has.get(slot), wants.get(slot)
    old = row.price if row else None
    if row is None:
        # A tier that the book never had was never on offer: there is no earlier price to compare with.
        known = slot.tier == STANDARD or any(s.tier == slot.tier for s in has)
        via = instead(slot, set(has)) if known else None
        price = has[via].price if via else None
        return Change(Kind.NEW, model.provider, model.name, slot, old, new, starts, via, price)
    if new is None:
        kind = Kind.KEPT if row.own else Kind.GONE
        via = instead(slot, set(wants))
        price = wants[via] if via else None
        return Change(kind, model.provider, model.name, slot, old, new, starts, via, price)
    return Change(Kind.CHANGED, model.provider, model.name, slot, old, new, starts)
