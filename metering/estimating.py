"""What a call is taken to have used where the provider's figures are missing. Pure."""

from collections.abc import Mapping

from providers.leaves import INPUT_SIDE, OUTPUT_SIDE, TOOL_CALLS, Leaf

CHARACTERS_PER_TOKEN = 4  # English text; OpenAI's and Google's help pages name the same rule of thumb


def estimate(
    *,
    input_bound: int,
    progress: Mapping[str, int],
    measured: Mapping[Leaf, int] | None = None,
    streamed_characters: int = 0,
) -> dict[Leaf, int]:
    """The likely usage, in tokens by leaf.

    `input_bound` stands for the input where the provider measured none; `progress` is the newest report of the running
    call, by leaf; `measured` what the provider did report before it broke off; `streamed_characters` how much text had
    arrived. Output: not less than what was measured, reported or had arrived, compared as sums, since a report may call
    reasoning what the provider calls output. Tool calls: the larger figure.
    """
    known = dict(measured or {})
    reported = {Leaf(leaf): int(tokens) for leaf, tokens in progress.items()}
    if not INPUT_SIDE & known.keys():
        known[Leaf.INPUT] = input_bound
    if not OUTPUT_SIDE & known.keys():
        known |= {leaf: tokens for leaf, tokens in reported.items() if leaf in OUTPUT_SIDE}
    for leaf in TOOL_CALLS & reported.keys():
        known[leaf] = max(known.get(leaf, 0), reported[leaf])
    arrived = -(-streamed_characters // CHARACTERS_PER_TOKEN)
    missing = max(arrived, _total(reported, OUTPUT_SIDE)) - _total(known, OUTPUT_SIDE)
    if missing > 0:
        known[Leaf.OUTPUT] = known.get(Leaf.OUTPUT, 0) + missing
    return known


def reported_input(progress: Mapping[str, int]) -> int:
    """The input tokens that the newest report of a running call named; 0 where it named none."""
    return sum(int(tokens) for leaf, tokens in progress.items() if Leaf(leaf) in INPUT_SIDE)


def _total(usage: Mapping[Leaf, int], side: frozenset[Leaf]) -> int:
    return sum(tokens for leaf, tokens in usage.items() if leaf in side)
