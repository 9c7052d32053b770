"""Gemini's usage metadata: cached tokens are part of the prompt; thoughts and tool results come on top."""

from metering.normalising.google_names import in_snake_case
from metering.normalising.prompts import FRESH, Kinds, Prompt, check_kinds, count_prompt, total_of
from metering.normalising.reading import Json, count, name_at, objects_at
from metering.normalising.tally import Tally
from providers.leaves import Leaf

FIELDS = ("prompt_token_count", "candidates_token_count", "thoughts_token_count", "total_token_count")
MADE = {"audio": Leaf.OUTPUT_AUDIO, "image": Leaf.OUTPUT_IMAGE}


def count_usage(tally: Tally, usage: Json) -> bool:
    """Count `usage`, its names in snake_case. Returns whether it measures a prompt: a count of 0 is left out of the
    API's JSON, so an answer may lack all others. Raises `UnreadableUsage`."""
    prompt = Prompt(
        total=count(usage, "prompt_token_count"),
        cached=count(usage, "cached_content_token_count"),
        kinds=_kinds(usage, "prompt_tokens_details"),
        cached_kinds=_kinds(usage, "cache_tokens_details"),
    )
    _flag_unknown_kinds(tally, prompt)
    count_prompt(tally, prompt)
    asked = tally.input
    tools = _kinds(usage, "tool_use_prompt_tokens_details")
    _count(tally, count(usage, "tool_use_prompt_token_count"), "tool-use prompt tokens", tools, FRESH, Leaf.INPUT)
    # What tools gave back went to the model in a request of its own.
    tally.requests += [asked, tally.input - asked]
    made = _kinds(usage, "candidates_tokens_details")
    _count(tally, count(usage, "candidates_token_count"), "candidates tokens", made, MADE, Leaf.OUTPUT)
    tally.add(Leaf.REASONING, count(usage, "thoughts_token_count"))
    tally.fit(count(usage, "total_token_count"))
    return total_of(prompt.total, prompt.kinds) is not None


def _count(tally: Tally, total: int | None, what: str, kinds: Kinds, leaves: dict[str, Leaf], rest: Leaf) -> None:
    total = total_of(total, kinds)
    check_kinds(tally, total, what, kinds)
    tally.split(total, what, {leaf: kinds.get(kind) for kind, leaf in leaves.items()}, rest)


def _kinds(usage: Json, details: str) -> Kinds:
    """Tokens by modality. A modality not specified is text, as `MediaModality` has it."""
    kinds: dict[str, int] = {}
    for row in objects_at(usage, details):
        named = in_snake_case(row)
        kind = (name_at(named, "modality") or "text").lower().replace("modality_unspecified", "text")
        number = count(named, "token_count")
        if number is not None:
            kinds[kind] = kinds.get(kind, 0) + number
    return kinds


def _flag_unknown_kinds(tally: Tally, prompt: Prompt) -> None:
    others = sum(prompt.kinds.get(kind, 0) for kind in FRESH)
    if prompt.cached and others and not prompt.cached_kinds:
        tally.flag(f"Google does not say of which modality its {prompt.cached} cached tokens are; counted as text.")
