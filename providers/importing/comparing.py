"""What differs between a model in our book and in the list, slot by slot and moment by moment. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from providers.importing.asking import Ask
from providers.importing.book import BookModel, Row, newest_at, row_at
from providers.importing.changes import Change, Kind
from providers.importing.charges import Charge, Effect, charge, effects
from providers.importing.listed import Listed, Step
from providers.importing.slots import Slot, instead

# Two rows can't begin at one moment: what corrects a planned one begins right after it.
RIGHT_AFTER = timedelta(microseconds=1)
SOON = timedelta(seconds=1)
Rows = Mapping[Slot, tuple[Row, ...]]


class Differing(NamedTuple):
    """A slot that differs; `row` is the newest of the book, also one that says "no longer priced"."""

    kind: Kind
    slot: Slot
    row: Row | None
    new: Decimal | None
    written: bool


def changes_of(model: BookModel, listed: Listed, at: datetime, ask: Ask) -> Iterator[Change]:
    """What differs from the list now (`at`) and on each day to come, each time given that what comes before is
    applied: what is only shown stays as it is."""
    rows: dict[Slot, tuple[Row, ...]] = dict(model.rows)
    shown: set[Slot] = set()
    for moment in _moments(model, listed, at):
        # Rows that correct a planned one begin right after it: they count as of the same moment.
        settled = moment if moment == at else moment + SOON
        has = _prices(rows, settled)
        found = [d for d in _differing(rows, listed, moment, settled, ask) if d.written or _is_news(d, moment, shown)]
        shown.update(d.slot for d in found if not d.written)
        done = effects([d.slot for d in found if d.written], has, _after(has, found))
        for d in found:
            starts = _free(rows.get(d.slot, ()), moment)
            yield Change(
                d.kind, model.provider, model.name, d.slot, d.row.price if d.row else None, d.new,
                None if starts == at else starts, listed.name, d.written, by_hand=bool(d.row and d.row.own),
                sold=bool(has), effect=done.get(d.slot) or _unchanged(charge(d.slot, has), d.slot),
            )  # fmt: skip
            if d.written:
                rows[d.slot] = (*rows.get(d.slot, ()), Row(starts, d.new))


def same(model: BookModel, listed: Listed, at: datetime) -> int:
    """How many of the prices in force are the list's already."""
    wants = _step(listed, at).prices
    has = {slot: row_at(of_slot, at) for slot, of_slot in model.rows.items()}
    return sum(1 for slot, row in has.items() if row and wants.get(slot) == row.price and not row.inclusive)


def _differing(rows: Rows, listed: Listed, moment: datetime, settled: datetime, ask: Ask) -> Iterator[Differing]:
    wants = _step(listed, moment).prices
    for slot in sorted(rows.keys() | wants.keys(), key=lambda slot: slot.order):
        row, new = newest_at(rows.get(slot, ()), settled), wants.get(slot)
        kind = _kind(row, new)
        if kind and _kept(kind, slot, row, listed, ask):
            kind = Kind.KEPT
        if kind:
            # Without its rate a leaf is charged as the list has it, by a smaller class, the standard tier or a wider
            # leaf. Where the list has none of them either, ending the rate would end its sale: a person decides that.
            ends = ask.retire or instead(slot, wants.keys()) is not None
            yield Differing(kind, slot, row, new, kind in (Kind.NEW, Kind.CHANGED) or (kind is Kind.GONE and ends))


def _kind(row: Row | None, new: Decimal | None) -> Kind | None:
    old = row.price if row else None
    if old is None:
        return None if new is None else Kind.NEW
    if new is None:
        return Kind.GONE
    return Kind.CHANGED if old != new or (row and row.inclusive) else None


def _kept(kind: Kind, slot: Slot, row: Row | None, listed: Listed, ask: Ask) -> bool:
    """Whether the book's row stays: a person's that the list doesn't know or that is asked to stay, and one whose
    price the list has in a form that can't be read."""
    if row and row.own:
        return kind is Kind.GONE or ask.keep
    return kind is Kind.GONE and slot.tier in listed.unclear


def _is_news(d: Differing, moment: datetime, shown: set[Slot]) -> bool:
    """Whether what stays is to be shown at this moment: once, and again where a row of a person's begins then."""
    return d.slot not in shown or bool(d.row and d.row.own and d.row.starts >= moment)


def _prices(rows: Rows, moment: datetime) -> dict[Slot, Decimal]:
    found = {slot: row_at(of_slot, moment) for slot, of_slot in rows.items()}
    return {slot: row.price for slot, row in found.items() if row and row.price is not None}


def _after(has: Mapping[Slot, Decimal], found: list[Differing]) -> dict[Slot, Decimal]:
    """The prices once those that are written hold."""
    changed = {d.slot: d.new for d in found if d.written}
    return {slot: price for slot, price in {**has, **changed}.items() if price is not None}


def _unchanged(charged: Charge | None, slot: Slot) -> Effect:
    return Effect(slot, charged, charged)


def _moments(model: BookModel, listed: Listed, at: datetime) -> list[datetime]:
    """Now, each day on which the list changes, and each moment for which the book has planned a price."""
    planned = {row.starts.replace(microsecond=0) for rows in model.rows.values() for row in rows if row.starts > at}
    return sorted({step.starts for step in listed.steps} | {moment for moment in planned if moment > at})


def _step(listed: Listed, moment: datetime) -> Step:
    return max((step for step in listed.steps if step.starts <= moment), key=lambda step: step.starts)


def _free(rows: tuple[Row, ...], moment: datetime) -> datetime:
    taken = [row.starts for row in rows if moment <= row.starts <= moment + SOON]
    return max(taken) + RIGHT_AFTER if taken else moment
