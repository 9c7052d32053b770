"""OpenAI's usage object, of which both of its APIs have a form: totals, with subsets of them in the details."""

from metering.normalising.prompts import Kinds, Prompt, count_prompt
from metering.normalising.reading import Json, count
from metering.normalising.tally import Tally
from providers.leaves import Leaf

NAME = "OpenAI"
TIERS = {"default": "standard", "auto": None}  # auto: asked for, and not said which one it became


def tier_of(name: str | None) -> str | None:
    """OpenAI's service tier in the price book's words."""
    return TIERS.get(name, name) if name else None


def count_usage(tally: Tally, usage: Json, *, asked: str, answered: str) -> None:
    """Count a usage object whose totals are `{asked}_tokens` and `{answered}_tokens`. Raises `UnreadableUsage`."""
    prompt, details = count(usage, f"{asked}_tokens"), f"{asked}_tokens_details"
    cached_kinds = _kinds(usage, details, "cached_tokens_details")
    text = count(usage, details, "text_tokens")
    count_prompt(
        tally,
        Prompt(
            total=prompt,
            cached=count(usage, details, "cached_tokens"),
            written=_written(tally, usage, details),
            kinds=_kinds(usage, details),
            cached_kinds=cached_kinds,
        ),
    )
    _check_part(tally, text, "text tokens", prompt, f"{asked} tokens")
    _count_answer(tally, usage, answered)
    tally.fit(count(usage, "total_tokens"))


def _count_answer(tally: Tally, usage: Json, answered: str) -> None:
    total, details = count(usage, f"{answered}_tokens"), f"{answered}_tokens_details"
    parts = {
        Leaf.REASONING: count(usage, details, "reasoning_tokens"),
        Leaf.OUTPUT_AUDIO: count(usage, details, "audio_tokens"),
        Leaf.OUTPUT_IMAGE: count(usage, details, "image_tokens"),
    }
    tally.split(total, f"{answered} tokens", parts, Leaf.OUTPUT)
    # Predicted tokens, taken over or rejected, are billed as the completion tokens they are among.
    predicted = [count(usage, details, f"{fate}_prediction_tokens") or 0 for fate in ("accepted", "rejected")]
    _check_part(tally, sum(predicted), "predicted tokens", total, f"{answered} tokens")
    _check_part(tally, count(usage, details, "text_tokens"), "text tokens", total, f"{answered} tokens")


def _kinds(usage: Json, *path: str) -> Kinds:
    # Text is left out: whether it holds the cached or the reasoning tokens depends on the model.
    found = {kind: count(usage, *path, f"{kind}_tokens") for kind in ("audio", "image")}
    return {kind: number for kind, number in found.items() if number is not None}


def _written(tally: Tally, usage: Json, details: str) -> int | None:
    """Cache writes. Their lifetimes, 30 minutes or 12 hours, share one leaf."""
    total = count(usage, details, "cache_write_tokens")
    lifetimes = [count(usage, details, "cache_write_tokens_details", f"ttl_{ttl}_tokens") for ttl in ("30m", "12h")]
    measured = [number for number in lifetimes if number is not None]
    if not measured:
        return total
    if total is not None and total != sum(measured):
        tally.differs(total, "cache writes", sum(measured), "its split says")
        return min(total, sum(measured))
    return sum(measured)


def _check_part(tally: Tally, part: int | None, what: str, total: int | None, of: str) -> None:
    if part is not None and total is not None and part > total:
        tally.flag(f"{NAME} reports {part} {what} among {total} {of}: difference {part - total}.")
