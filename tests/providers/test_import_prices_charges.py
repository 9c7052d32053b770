"""What a change of rates does to charges, wherever the rate is charged; proved against rating itself."""

import random
from decimal import Decimal

from metering.rating import RateTerm, Terms
from providers.importing.charges import charge, effects
from providers.importing.slots import Slot
from providers.leaves import Leaf

D, L = Decimal, Leaf
INPUT, LARGE = Slot(L.INPUT), Slot(L.INPUT, above=200)
FAST = Slot(L.INPUT, "fast")


def test_a_tier_without_its_rate_falls_to_the_standard_tiers_class() -> None:
    """For most requests cheaper, for large ones dearer: the rise is what counts."""
    before = {INPUT: D(3), LARGE: D(10), FAST: D(6)}
    effect = effects([FAST], before, {INPUT: D(3), LARGE: D(10)})[FAST]
    assert effect == (Slot(L.INPUT, "fast", 200), (FAST, D(6)), (LARGE, D(10)))


def test_a_new_tier_is_charged_of_large_requests_too() -> None:
    before = {INPUT: D(5), LARGE: D(2)}
    effect = effects([FAST], before, {**before, FAST: D(4)})[FAST]
    assert effect == (Slot(L.INPUT, "fast", 200), (LARGE, D(2)), (FAST, D(4)))


def test_each_change_answers_for_itself() -> None:
    read = Slot(L.CACHE_READ)
    found = effects([INPUT, read], {INPUT: D(5), read: D("0.5")}, {INPUT: D(6)})
    assert found[INPUT] == (INPUT, (INPUT, D(5)), (INPUT, D(6)))
    assert found[read] == (read, (read, D("0.5")), (INPUT, D(6)))


def test_charges_are_those_of_rating() -> None:
    dice = random.Random(7)
    tiers, classes = ("standard", "fast", "flex"), (0, 100, 200)
    every = [Slot(leaf, tier, above) for leaf in Leaf for tier in tiers for above in classes]
    priced = unpriced = 0
    for _ in range(40):
        prices = {slot: D(number) for number, slot in enumerate(dice.sample(every, dice.randrange(1, 30)), 1)}
        rates = tuple(
            RateTerm(id=0, leaf=slot.leaf, tier=slot.tier, class_above=slot.above, class_inclusive=False,
                     per_million=price, effective_from="")
            for slot, price in prices.items()
        )  # fmt: skip
        terms = Terms("p", "m", ("m",), "plan", D(1), "standard", rates)
        for slot in every:
            rate, found = terms.rate_for(slot.leaf, slot.tier, slot.above + 1), charge(slot, prices)
            assert (rate and rate.per_million) == (found and found.price), slot
            priced, unpriced = priced + bool(found), unpriced + (found is None)
    assert priced > 1000 < unpriced


def test_every_rise_is_some_changes() -> None:
    """No usage becomes dearer unseen: some changed rate shows at least that rise."""
    dice = random.Random(11)
    every = [Slot(leaf, tier, above) for leaf in (L.INPUT, L.CACHE_READ, L.CACHE_READ_AUDIO, L.WEB_SEARCH)
             for tier in ("standard", "fast") for above in (0, 100, 200)]  # fmt: skip
    rises = 0
    for _ in range(300):
        before, after = ({s: D(dice.randrange(1, 9)) for s in dice.sample(every, 9)} for _ in range(2))
        changed = [slot for slot in every if before.get(slot) != after.get(slot)]
        shown = [multiple(effect.before, effect.after) for effect in effects(changed, before, after).values()]
        for slot in every:
            most = multiple(charge(slot, before), charge(slot, after))
            if most > 1:
                rises += 1
                assert max(shown) >= most
    assert rises > 1000


def multiple(before: tuple[Slot, Decimal] | None, after: tuple[Slot, Decimal] | None) -> Decimal:
    if after is None:
        return D(0)
    return after[1] / before[1] if before else D("Infinity")
