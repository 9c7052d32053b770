"""The list's prices of one model at one moment as slots of ours."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from common.money import PLACES
from providers.importing.listed import Unreadable
from providers.importing.slots import STANDARD, Slot
from providers.importing.tiers import Tiers, overrides
from providers.importing.units import PRICE_KEYS, per_million, price_key

Priced = Mapping[str, Decimal | TieredPrices]
DEAREST = Decimal(10) ** 11  # numeric(20, 9)
LONGEST = 2**31


def prices_at(model: ModelInfo, tiers: Tiers, moment: datetime) -> dict[Slot, Decimal]:
    """What the list asks per 1M at `moment` (UTC): the standard tier whole, of other tiers what differs from it.

    Raises `Unreadable` for a price that is negative, finer or larger than a rate can be, or of a nameless class.
    """
    standard = priced(model.get_prices(moment))
    found = dict(_slots(standard, STANDARD, standard))
    for tier, when in tiers.items():
        own = overrides(model, when, moment)
        found |= _slots({**standard, **own}, tier, own)
    return found


def priced(prices: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    """The price keys that have a price: null is not zero."""
    return {key: price for key, price in vars(prices).items() if price is not None}


def _slots(prices: Priced, tier: str, own: Priced) -> Iterator[tuple[Slot, Decimal]]:
    for leaf in PRICE_KEYS:
        key = price_key(leaf, frozenset(prices))
        if key is not None and key in own:
            for above, price in _classes(key, own[key]):
                yield Slot(leaf, tier, above), _checked(key, per_million(key, price))


def _classes(key: str, price: Decimal | TieredPrices) -> Iterator[tuple[int, Decimal]]:
    """Size classes: the list's `start` is exclusive (a request of exactly so many tokens is in the class below)."""
    if isinstance(price, Decimal):
        yield 0, price
        return
    yield 0, price.base
    starts = [tier.start for tier in price.tiers]
    if len({0, *starts}) <= len(starts) or not all(0 < start < LONGEST for start in starts):
        raise Unreadable(f"{key} has size classes at {starts}")
    yield from ((tier.start, tier.price) for tier in price.tiers)


def _checked(key: str, price: Decimal) -> Decimal:
    if not price.is_finite() or price < 0:
        raise Unreadable(f"{key} is {price}: a price is never negative")
    if price >= DEAREST or price != price.quantize(PLACES):
        raise Unreadable(f"{key} is {price:f} per 1M: a rate has nine places")
    return price
