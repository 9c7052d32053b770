"""What a change of rates does to what is charged. Pure."""

from collections.abc import Collection, Mapping
from decimal import Decimal, localcontext
from itertools import product
from typing import NamedTuple

from common.money import EXACT
from providers.importing.slots import Slot, instead

Prices = Mapping[Slot, Decimal]
INFINITE = Decimal("Infinity")


class Charge(NamedTuple):
    """The rate that is charged, per 1M."""

    slot: Slot
    price: Decimal


class Effect(NamedTuple):
    """What usage of `at` is charged before and after. None: it has no price, so that nothing is charged."""

    at: Slot
    before: Charge | None
    after: Charge | None


def charge(slot: Slot, prices: Prices) -> Charge | None:
    """What usage of `slot` is charged at `prices`: its own rate, or the one that stands in for it."""
    found = slot if slot in prices else instead(slot, prices.keys())
    return Charge(found, prices[found]) if found else None


def effects(changed: Collection[Slot], before: Prices, after: Prices) -> dict[Slot, Effect]:
    """Of each changed slot the effect that raises a charge most.

    Mostly that is on usage of the slot itself. But a rate also stands in for others, of which some can become dearer
    where it becomes cheaper: without a tier's only rate, large requests are charged at the standard tier's large class.
    """
    most = {slot: _effect(slot, before, after) for slot in changed}
    for point in _points({*before, *after}) if before and changed else ():
        if point in most:
            continue
        effect = _effect(point, before, after)
        cause = next((c.slot for c in (effect.after, effect.before) if c and c.slot in most), None)
        if cause and _rise(effect) > _rise(most[cause]):
            most[cause] = effect
    return most


def _effect(at: Slot, before: Prices, after: Prices) -> Effect:
    return Effect(at, charge(at, before), charge(at, after))


def _points(slots: set[Slot]) -> list[Slot]:
    """All usage that can be charged differently; a leaf without any rate goes with the one it is part of."""
    leaves, tiers, classes = {s.leaf for s in slots}, {s.tier for s in slots}, {0, *(s.above for s in slots)}
    return sorted((Slot(*point) for point in product(leaves, tiers, classes)), key=lambda slot: slot.order)


def _rise(effect: Effect) -> Decimal:
    """The charge after as a multiple of the one before; from nothing to something is without bounds."""
    before = effect.before.price if effect.before else Decimal(0)
    after = effect.after.price if effect.after else Decimal(0)
    if before == 0:
        return INFINITE if after else Decimal(1)
    with localcontext(EXACT):
        return after / before
