"""A prompt whose total holds everything: cached tokens, cache writes, and images, speech and video among the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from metering.normalising.tally import Tally
from providers.leaves import Leaf

FRESH = {"audio": Leaf.INPUT_AUDIO, "image": Leaf.INPUT_IMAGE, "video": Leaf.INPUT_VIDEO}
CACHED = {"audio": Leaf.CACHE_READ_AUDIO, "image": Leaf.CACHE_READ_IMAGE}

Kinds = Mapping[str, int]  # tokens by modality: text, audio, image, video, others; only what is measured


@dataclass(frozen=True)
class Prompt:
    """Figures as reported, None where not measured. `kinds` splits `total`, `cached_kinds` splits `cached`."""

    total: int | None
    cached: int | None
    written: int | None = None
    kinds: Kinds = field(default_factory=dict)
    cached_kinds: Kinds = field(default_factory=dict)


def count_prompt(tally: Tally, prompt: Prompt) -> None:
    """Count the leaves of `prompt`. What is neither cached, written to a cache nor of another modality is INPUT."""
    total = total_of(prompt.total, prompt.kinds)
    cached = total_of(prompt.cached, prompt.cached_kinds)
    kept = _cached_kinds(tally, cached, prompt.cached_kinds)
    parts: dict[Leaf, int | None] = {CACHED[kind]: number for kind, number in kept.items() if kind in CACHED}
    if cached is not None:
        parts[Leaf.CACHE_READ] = cached - sum(number for kind, number in kept.items() if kind in CACHED)
    parts[Leaf.CACHE_WRITE] = prompt.written
    # On some answers the split by modality leaves out what came from the cache.
    apart = "text" in prompt.kinds and bool(cached) and total == sum(prompt.kinds.values()) + (cached or 0)
    if not apart:
        check_kinds(tally, total, "prompt tokens", prompt.kinds)
    parts |= _fresh(tally, prompt.kinds, {} if apart else kept)
    tally.split(total, "prompt tokens", parts, Leaf.INPUT)


def total_of(total: int | None, kinds: Kinds) -> int | None:
    """`total`, or where the provider left it out, the sum of its split."""
    return sum(kinds.values()) if total is None and kinds else total


def check_kinds(tally: Tally, total: int | None, what: str, kinds: Kinds) -> None:
    """Flag a split by modality that does not make up `total`. One that leaves text out is not meant to."""
    if total is not None and "text" in kinds and sum(kinds.values()) != total:
        tally.differs(total, what, sum(kinds.values()), "its split by modality says")


def _cached_kinds(tally: Tally, cached: int | None, kinds: Kinds) -> dict[str, int]:
    """Modalities other than text among the cached tokens, no more in all than are cached."""
    check_kinds(tally, cached, "cached tokens", kinds)
    room = cached or 0
    kept = {}
    for kind, number in kinds.items():
        if kind != "text":
            kept[kind] = min(number, room)
            room -= kept[kind]
    if cached is not None and "text" not in kinds and sum(kinds.values()) > cached:
        tally.differs(cached, "cached tokens", sum(kinds.values()), "its split by modality says")
    return kept


def _fresh(tally: Tally, kinds: Kinds, cached: Kinds) -> dict[Leaf, int]:
    """What of each modality in the prompt did not come from the cache."""
    fresh = {}
    for kind, leaf in FRESH.items():
        if kind in kinds:
            if cached.get(kind, 0) > kinds[kind]:
                tally.differs(kinds[kind], f"{kind} tokens in the prompt", cached[kind], "of which cached")
            fresh[leaf] = max(kinds[kind] - cached.get(kind, 0), 0)
    return fresh
