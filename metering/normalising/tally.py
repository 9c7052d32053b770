"""Counts into disjoint leaves, and says in words where a provider's figures contradict each other."""

from collections.abc import Mapping

from metering.normalising.reading import MOST, UnreadableUsage
from providers.leaves import INPUT_SIDE, OUTPUT_SIDE, Leaf

TOKENS = INPUT_SIDE | OUTPUT_SIDE
# Of several readings the cheapest is taken. So where figures exceed their total, tokens are left out of the leaf that
# providers price dearest; thinking after visible output, since the two cost the same and thinking is the surer figure.
DEAREST_FIRST = (
    Leaf.OUTPUT_AUDIO, Leaf.OUTPUT_IMAGE, Leaf.OUTPUT, Leaf.REASONING,
    Leaf.INPUT_AUDIO, Leaf.CACHE_WRITE_1H, Leaf.CACHE_WRITE, Leaf.CACHE_WRITE_5M, Leaf.INPUT_IMAGE, Leaf.INPUT_VIDEO,
    Leaf.INPUT, Leaf.CACHE_READ_AUDIO, Leaf.CACHE_READ_IMAGE, Leaf.CACHE_READ,
)  # fmt: skip


class Tally:
    """The leaves of one answer in the making. `provider` is the name used in flags."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.leaves: dict[Leaf, int] = {}
        self.requests: list[int] = []  # input of each request that the answer took, where the provider says so
        self._flags: dict[str, tuple[str, int]] = {}  # by kind: the first one's text, and how many there are

    @property
    def input(self) -> int:
        return sum(number for leaf, number in self.leaves.items() if leaf in INPUT_SIDE)

    @property
    def largest_request(self) -> int | None:
        """Input of the largest of several requests; None where one request took all of it, or none is known."""
        largest = max(self.requests, default=self.input)
        return largest if 0 < largest < self.input else None

    @property
    def flags(self) -> tuple[str, ...]:
        """One flag of each kind, with how many more of it there are: an answer may be wrong in thousands of places."""
        told = self._flags.values()
        return tuple(text if times == 1 else f"{text} So {times - 1} more times." for text, times in told)

    def flag(self, text: str, kind: str | None = None) -> None:
        """Note `text`, a sentence; of several of the same `kind` (None: of the same text) the first one stands."""
        first, times = self._flags.get(kind or text, (text, 0))
        self._flags[kind or text] = (first, times + 1)

    def differs(self, total: int, what: str, parts: int, whose: str = "its parts add up to") -> None:
        """Flag that `total` (of `what`) and the sum `parts` are not the same."""
        text = f"{self.provider} reports {total} {what}, {whose} {parts}: difference {abs(total - parts)}."
        self.flag(text, f"{what}, {whose}")

    def add(self, leaf: Leaf, number: int | None) -> None:
        """Count `number` more in `leaf`; None, not measured, leaves it absent. Raises `UnreadableUsage`."""
        if number is None:
            return
        self.leaves[leaf] = self.leaves.get(leaf, 0) + number
        if self.leaves[leaf] > MOST:
            raise UnreadableUsage(f"The figures for {leaf} add up to more than {MOST:,}.")

    def split(self, total: int | None, what: str, parts: Mapping[Leaf, int | None], rest: Leaf) -> None:
        """Count `total` tokens (None: not measured) of which `parts` are leaves of their own; `rest` is the remainder.

        Where `parts` exceed `total`, `total` counts and the difference is flagged.
        """
        measured = {leaf: number for leaf, number in parts.items() if number is not None}
        if total is not None:
            counted = sum(measured.values())
            if counted > total:
                self.differs(total, what, counted)
                measured = without(measured, counted - total)
            self.add(rest, total - sum(measured.values()))
        for leaf, number in measured.items():
            self.add(leaf, number)

    def fit(self, total: int | None) -> None:
        """Compare the leaves with the provider's grand total (None: it gives none).

        A total below them counts, since one of the figures is too high; one above them is only flagged.
        """
        tokens = {leaf: number for leaf, number in self.leaves.items() if leaf in TOKENS}
        counted = sum(tokens.values())
        if total is None or total == counted:
            return
        self.differs(total, "tokens in total", counted)
        self.leaves.update(without(tokens, counted - total))


def without(leaves: Mapping[Leaf, int], excess: int) -> dict[Leaf, int]:
    """`leaves` less `excess` tokens, the dearest first; nothing below 0."""
    left = dict(leaves)
    for leaf in DEAREST_FIRST:
        taken = min(max(excess, 0), left.get(leaf, 0))
        if taken:
            left[leaf] -= taken
            excess -= taken
    return left
