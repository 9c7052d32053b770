"""What a call is taken to have used where the provider's figures are missing. Pure."""

from collections.abc import Mapping

from providers.leaves import INPUT_SIDE, OUTPUT_SIDE, Leaf

CHARACTERS_PER_TOKEN = 4  # English text; OpenAI's and Google's help pages name the same rule of thumb


def estimate(
    *,
    declared_input: int,
    progress: Mapping[str, int],
    measured: Mapping[Leaf, int] | None = None,
    streamed_characters: int = 0,
) -> dict[Leaf, int]:
    """The likely usage, in tokens by leaf.

    `declared_input` is what authorise was told at most; `progress` the newest report of the running call, by leaf;
    `measured` what the provider did report before it broke off; `streamed_characters` how much text had arrived.
    Input: what the provider measured, else the larger of declared and reported input, at the base input rate. The
    rest: the largest figure known for each leaf, and not less output than the text that had arrived.
    """
    known = dict(measured or {})
    reported = {Leaf(leaf): int(tokens) for leaf, tokens in progress.items()}
    if not INPUT_SIDE & known.keys():
        known[Leaf.INPUT] = max(declared_input, sum(n for leaf, n in reported.items() if leaf in INPUT_SIDE))
    for leaf, tokens in reported.items():
        if leaf not in INPUT_SIDE:
            known[leaf] = max(known.get(leaf, 0), tokens)
    arrived = -(-streamed_characters // CHARACTERS_PER_TOKEN)
    missing = arrived - sum(n for leaf, n in known.items() if leaf in OUTPUT_SIDE)
    if missing > 0:
        known[Leaf.OUTPUT] = known.get(Leaf.OUTPUT, 0) + missing
    return known
