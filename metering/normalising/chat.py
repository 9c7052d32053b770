"""OpenAI's chat completions, whole or in chunks; also what other providers serve in this shape."""

from collections.abc import Sequence

from metering.normalising.characters import length
from metering.normalising.merging import newest
from metering.normalising.openai import NAME, count_usage, tier_of
from metering.normalising.reading import Json, count, each, inner, newest_name, usage_in, word
from metering.normalising.result import Heard, Normalised, conclude
from metering.normalising.tally import Tally

FIELDS = ("prompt_tokens", "completion_tokens")


def recognises(item: Json) -> bool:
    """Whether `item` is an answer, chunk or usage object of this API."""
    known = isinstance(item.get("choices"), list) or word(item, "object").startswith(("chat.completion", "text_comp"))
    return known or any(field in place for place in (item, inner(item, "usage")) for field in FIELDS)


def read(items: Sequence[Json], *, streamed: bool) -> Normalised:
    """Normalise an answer, or the chunks of one. Raises `UnreadableUsage`."""
    found = [(item, usage) for item in items if (usage := usage_in(item, "usage", FIELDS))]
    usages = [usage for _, usage in found]
    merged, tally = newest(usages), Tally(NAME)
    count_usage(tally, merged, asked="prompt", answered="completion")
    heard = Heard(
        usages=usages,
        model=newest_name(items, "model"),
        tier=newest_name(items, "service_tier"),
        ids=[name for item, _ in found if (name := word(item, "id"))],
        characters=sum(_characters(choice) for item in items for choice in each(item, "choices")),
    )
    final = not streamed or any(_is_final(item) for item, _ in found) or _all_finished(items)
    return conclude(tally, heard, tier=tier_of(heard.tier), complete=final and _measured(merged), tools={})


def _is_final(item: Json) -> bool:
    # The usage chunk has no choices. Servers that report running totals put them on chunks that have, and a stream of
    # those that was cut has usage, but not all of it.
    return not item.get("choices") or word(item, "object") == "chat.completion"


def _all_finished(items: Sequence[Json]) -> bool:
    """Whether every choice that began has a reason for its end: one that runs on adds to the totals."""
    ends: dict[int, bool] = {}
    for item in items:
        for choice in each(item, "choices"):
            index = choice.get("index")
            place = index if isinstance(index, int) else 0  # of a single choice some servers leave it out
            ends[place] = ends.get(place, False) or bool(choice.get("finish_reason"))
    return bool(ends) and all(ends.values())


def _measured(usage: Json) -> bool:
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    # Without completion tokens it is all only if the total says so, as for embeddings.
    return prompt is not None and (completion is not None or count(usage, "total_tokens") == prompt)


def _characters(choice: Json) -> int:
    message = choice.get("delta") or choice.get("message") or {}
    if not isinstance(message, dict):
        return 0
    calls = each(message, "tool_calls")
    return (
        length(choice, "text")
        + length(message, "content", "refusal")
        # Servers name the same text in two ways, and some send both for older clients.
        + max(length(message, "reasoning_content"), length(message, "reasoning"))
        + sum(length(part, "text", "refusal") for part in each(message, "content"))
        + sum(length(inner(call, "function"), "name", "arguments") for call in calls)
        + sum(length(inner(call, "custom"), "name", "input") for call in calls)
        + length(inner(message, "function_call"), "name", "arguments")
        + length(inner(message, "audio"), "transcript")
    )
