"""What one rate prices."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from providers.leaves import PART_OF, Leaf

STANDARD = "standard"
_ORDER = {leaf: number for number, leaf in enumerate(Leaf)}


class Slot(NamedTuple):
    """A leaf at a service tier, for requests with more than `above` input tokens (0: for all)."""

    leaf: Leaf
    tier: str = STANDARD
    above: int = 0

    @property
    def order(self) -> tuple[bool, str, int, int]:
        """The standard tier first, leaves as they are enumerated, small requests before large ones."""
        return self.tier != STANDARD, self.tier, _ORDER[self.leaf], self.above


def instead(slot: Slot, priced: AbstractSet[Slot]) -> Slot | None:
    """Which of the `priced` slots charges what `slot` would, were it not there: a smaller size class, then the
    standard tier, then the leaf it is part of. None: it would not be priced."""
    leaf: Leaf | None = slot.leaf
    while leaf is not None:
        for tier in dict.fromkeys((slot.tier, STANDARD)):
            found = [s for s in priced if (s.leaf, s.tier) == (leaf, tier) and s.above <= slot.above and s != slot]
            if found:
                return max(found, key=lambda s: s.above)
        leaf = PART_OF.get(leaf)
    return None
