"""Calls of OpenAI's own tools in a response: they are billed apart from tokens."""

from collections import Counter
from collections.abc import Sequence

from metering.normalising.merging import newest
from metering.normalising.reading import Json, count, inner, word
from metering.normalising.tally import Tally
from providers.leaves import Leaf

LEAVES = {
    "web_search_call": Leaf.WEB_SEARCH,
    "file_search_call": Leaf.FILE_SEARCH,
    "code_interpreter_call": Leaf.CODE_EXECUTION,
}

CODE = "code_interpreter_call"  # billed by container, however often it is called (platform.openai.com/docs/pricing)


def count_tools(tally: Tally, answers: Sequence[Json], output: Sequence[Json]) -> dict[str, int]:
    """Count the calls in `output`, the items of a response; where a response has `tool_usage`, its billable searches.

    Returns the calls by the type of their item. Raises `UnreadableUsage`.
    """
    usage = newest([found for answer in answers if (found := inner(answer, "tool_usage"))])
    billed = [item for item in output if word(item, "type") in LEAVES and _is_billed(item)]
    calls = dict(Counter(word(item, "type") for item in billed if word(item, "type") != CODE))
    if containers := {word(item, "container_id") for item in billed if word(item, "type") == CODE}:
        calls[CODE] = len(containers)
    billable = count(usage, "web_search", "num_requests")
    for kind, leaf in LEAVES.items():
        tally.add(leaf, calls.get(kind) if kind != "web_search_call" or billable is None else billable)
    _flag_images(tally, count(usage, "image_gen", "total_tokens"))
    return calls


def _is_billed(item: Json) -> bool:
    # Opening a page, or looking in one, is a web_search_call as well, and is free (`Response.tool_usage`).
    action = word(inner(item, "action"), "type")
    return word(item, "status") != "failed" and action in ("", "search")


def _flag_images(tally: Tally, tokens: int | None) -> None:
    # They are of the image model, at its prices, and in no total of the response's own usage.
    if tokens:
        tally.flag(f"{tally.provider}'s image tool used {tokens} tokens of a model of its own; they are not counted.")
