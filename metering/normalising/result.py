"""What a reading comes to."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from metering.normalising.keeping import compact, plain
from metering.normalising.merging import newest
from metering.normalising.reading import Json
from metering.normalising.tally import Tally
from providers.leaves import Leaf

LATEST_KEPT = 3


class Normalised(NamedTuple):
    """A provider's answer, normalised.

    `leaves`: tokens, or calls of server tools; a leaf that the provider did not measure is absent, not 0.
    `model`, `service_tier`: as the answer names them, the tier in the price book's words; None where it doesn't.
    `complete`: the provider's final figures of input and output are there. Where they are not, `leaves` holds what it
    did report, a lower bound, and `streamed_characters` (text, reasoning and tool arguments that arrived) what to
    estimate the output from. `flags`: what contradicts itself, in words, with the difference.
    `largest_request`: input tokens of the largest request where the answer took several, since it is by request that
    providers choose the size class; None where all input leaves were one.
    `refused`: it is nothing but an error, so nothing was used.
    `raw`: the usage objects, names and counts the figures come from; never a prompt or an answer's text.
    """

    leaves: dict[Leaf, int]
    model: str | None
    service_tier: str | None
    complete: bool
    streamed_characters: int
    flags: tuple[str, ...]
    raw: dict[str, Any]
    largest_request: int | None = None
    refused: bool = False


class Heard(NamedTuple):
    """What a dialect found beside the counts: names as the provider gave them, and every usage object in order."""

    usages: Sequence[Json]
    model: str | None
    tier: str | None
    ids: Sequence[str]  # of the answers that carried usage
    characters: int


def conclude(tally: Tally, heard: Heard, *, tier: str | None, complete: bool, tools: dict[str, int]) -> Normalised:
    """The result of a reading. `tier` is `heard.tier` in the price book's words, `tools` counts server-tool calls."""
    answers = list(dict.fromkeys(heard.ids))
    if len(answers) > 1:
        tally.flag(f"The events are of {len(answers)} answers; their newest figures are counted, not their sum.")
    names = {"model": heard.model, "service_tier": heard.tier, "id": plain(answers[-1]) if answers else None}
    raw = {
        "usage": compact(newest(heard.usages)) if heard.usages else None,
        "usages": [compact(usage) for usage in _few(heard.usages)] if len(heard.usages) > 1 else None,
        **names,
        "tool_calls": tools or None,
    }
    kept = {name: value for name, value in raw.items() if value is not None}
    return Normalised(
        leaves=tally.leaves, model=heard.model, service_tier=tier, complete=complete,
        streamed_characters=heard.characters, flags=tally.flags, raw=kept, largest_request=tally.largest_request,
    )  # fmt: skip


def _few(usages: Sequence[Json]) -> list[Json]:
    """The first, which alone may hold tier and splits, and the latest."""
    return [*usages[:1], *usages[1:][-LATEST_KEPT:]]
