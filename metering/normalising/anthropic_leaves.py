"""Anthropic's usage object: its input leaves are disjoint as they are, thinking is part of the output."""

from collections.abc import Sequence

from metering.normalising.merging import newest
from metering.normalising.reading import Json, count, name_at, object_at, objects_at
from metering.normalising.tally import Tally, without
from providers.leaves import Leaf

OUTPUT_FIELDS = ("output_tokens", "output_tokens_details", "iterations")
TOOLS = {"web_search_requests": Leaf.WEB_SEARCH, "web_fetch_requests": Leaf.WEB_FETCH}
LIFETIMES = {"ephemeral_5m_input_tokens": Leaf.CACHE_WRITE_5M, "ephemeral_1h_input_tokens": Leaf.CACHE_WRITE_1H}


def count_usage(tally: Tally, usages: Sequence[Json], begun: Sequence[bool]) -> bool:
    """Count the newest figures of `usages`; those marked in `begun` are of a stream's start and have no output yet.

    Returns whether input and output are measured. Without output only the input is counted. Raises `UnreadableUsage`.
    """
    told = [_without_output(usage) if early else usage for usage, early in zip(usages, begun, strict=True)]
    usage = newest(told)
    _count_tokens(tally, usage, _grown(told))
    _count_iterations(tally, objects_at(usage, "iterations"))
    if count(usage, "output_tokens") is None:
        return False
    for field, leaf in TOOLS.items():
        tally.add(leaf, count(usage, "server_tool_use", field))
    return count(usage, "input_tokens") is not None


def _without_output(usage: Json) -> Json:
    count(usage, "output_tokens")  # not billed, but still no nonsense
    return {name: found for name, found in usage.items() if name not in OUTPUT_FIELDS}


def _count_tokens(tally: Tally, usage: Json, grown: int = 0) -> None:
    tally.add(Leaf.INPUT, count(usage, "input_tokens"))
    tally.add(Leaf.CACHE_READ, count(usage, "cache_read_input_tokens"))
    _count_writes(tally, usage, grown)
    thinking = count(usage, "output_tokens_details", "thinking_tokens")
    tally.split(count(usage, "output_tokens"), "output tokens", {Leaf.REASONING: thinking}, Leaf.OUTPUT)


def _count_writes(tally: Tally, usage: Json, grown: int) -> None:
    """Cache writes by lifetime. Without a split they are of the default one, 5 minutes, and so are `grown` of them."""
    total, split = count(usage, "cache_creation_input_tokens"), _split(usage)
    if not split:
        tally.add(Leaf.CACHE_WRITE_5M, total)
        return
    if grown:
        split[Leaf.CACHE_WRITE_5M] = split.get(Leaf.CACHE_WRITE_5M, 0) + grown
    counted = sum(split.values())
    if total is not None and counted != total:
        tally.differs(total, "cache writes", counted, "its split says")
        split = without(split, counted - total)
    for leaf, number in split.items():
        tally.add(leaf, number)


def _split(usage: Json) -> dict[Leaf, int]:
    split: dict[Leaf, int] = {}
    for field in object_at(usage, "cache_creation"):
        number = count(usage, "cache_creation", field) if field.endswith("_input_tokens") else None
        if number is not None:
            leaf = LIFETIMES.get(field, Leaf.CACHE_WRITE)
            split[leaf] = split.get(leaf, 0) + number
    return split


def _grown(usages: Sequence[Json]) -> int:
    """Cache writes beyond those of the usage that has the split: only a stream's start has it, and its server tools may
    write more later."""
    field = "cache_creation_input_tokens"
    split = [count(usage, field) for usage in usages if object_at(usage, "cache_creation")]
    latest = count(newest(usages), field)
    return max(latest - split[-1], 0) if split and split[-1] is not None and latest is not None else 0


def _count_iterations(tally: Tally, iterations: Sequence[Json]) -> None:
    """The requests that an answer took (`BetaUsage.iterations`): turns of a loop of server tools are in the top-level
    figures. Compaction is not and counts on top; an advisor is another model, at its own prices."""
    rest = tally.input  # what no turn accounts for is taken as one more
    advice = []
    for iteration in iterations:
        alone, kind = Tally(tally.provider), iteration.get("type")
        _count_tokens(alone, iteration)
        if kind == "advisor_message":
            advice.append((name_at(iteration, "model") or "another model", sum(alone.leaves.values())))
            continue
        if kind == "compaction":
            _count_tokens(tally, iteration)
        else:
            rest -= alone.input
        tally.requests.append(alone.input)
    tally.requests.append(rest)
    _flag_advice(tally, advice)


def _flag_advice(tally: Tally, advice: Sequence[tuple[str, int]]) -> None:
    if advice:
        models, used = {model for model, _ in advice}, sum(tokens for _, tokens in advice)
        one = len(models) == 1
        who = f"An advisor, {advice[0][0]}," if one else f"Advisors of {len(models)} models"
        times = f" in {len(advice)} requests" if len(advice) > 1 else ""
        tally.flag(f"{who} used {used} tokens of {'its' if one else 'their'} own{times}; they are not counted.")
