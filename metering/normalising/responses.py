"""OpenAI's Responses API: a response, or the events of its stream, of which the last ones carry the response."""

from collections.abc import Sequence

from metering.normalising.characters import length
from metering.normalising.merging import newest
from metering.normalising.openai import NAME, count_usage, tier_of
from metering.normalising.reading import Json, count, each, inner, newest_name, usage_in, word
from metering.normalising.response_tools import count_tools
from metering.normalising.result import Heard, Normalised, conclude
from metering.normalising.tally import Tally

FIELDS = ("input_tokens", "output_tokens")
NOT_ANTHROPIC = ("input_tokens_details", "total_tokens")
ENDS = ("response.completed", "response.incomplete", "response.failed")
RUNNING = ("queued", "in_progress")
TEXTS = ("text", "refusal", "arguments", "input", "code")


def recognises(item: Json) -> bool:
    """Whether `item` can be a response, an event or a usage object of this API."""
    return _is_response(item) or any(_has(place, FIELDS) for place in (item, inner(item, "usage")))


def surely(item: Json) -> bool:
    """Whether it can be of no other: Anthropic's usage, too, has input and output tokens."""
    places = (item, inner(item, "usage"))
    return _is_response(item) or any(_has(place, FIELDS) and _has(place, NOT_ANTHROPIC) for place in places)


def _has(place: Json, names: Sequence[str]) -> bool:
    return any(name in place for name in names)


def _is_response(item: Json) -> bool:
    return (
        word(item, "object") == "response"
        or word(item, "type").startswith("response.")
        or isinstance(item.get("output"), list)
    )


def read(items: Sequence[Json], *, streamed: bool) -> Normalised:
    """Normalise a response, or the events of its stream. Raises `UnreadableUsage`."""
    answers = [inner(item, "response") or item for item in items]
    pairs = zip(items, answers, strict=True)
    found = [(item, answer, usage) for item, answer in pairs if (usage := usage_in(answer, "usage", FIELDS))]
    usages = [usage for _, _, usage in found]
    merged, tally = newest(usages), Tally(NAME)
    count_usage(tally, merged, asked="input", answered="output")
    output = _output(items, answers)
    tools = count_tools(tally, answers, output)
    heard = Heard(
        usages=usages,
        model=newest_name(answers, "model"),
        tier=newest_name(answers, "service_tier"),
        ids=[name for _, answer, _ in found if (name := word(answer, "id"))],
        characters=_streamed(items) or sum(_characters(item) for item in output),
    )
    measured = all(count(merged, field) is not None for field in FIELDS)
    complete = measured and any(_is_final(item) for item, _, _ in found)
    return conclude(tally, heard, tier=tier_of(heard.tier), complete=complete, tools=tools)


def _is_final(item: Json) -> bool:
    kind = word(item, "type")
    return kind in ENDS if kind.startswith("response.") else word(item, "status") not in RUNNING


def _output(items: Sequence[Json], answers: Sequence[Json]) -> list[Json]:
    """The output items: of the response, or of a stream that was cut before it those that were done."""
    whole = [each(answer, "output") for answer in answers if answer.get("output")]
    done = [inner(item, "item") for item in items if word(item, "type") == "response.output_item.done"]
    return whole[-1] if whole else done


def _streamed(items: Sequence[Json]) -> int:
    # Every kind of text comes as `delta` of an event of its own; that of audio is encoded sound.
    kinds = [item for item in items if word(item, "type").endswith(".delta")]
    return sum(length(item, "delta") for item in kinds if word(item, "type") != "response.audio.delta")


def _characters(item: Json) -> int:
    parts = [item, *each(item, "content"), *each(item, "summary")]
    return sum(length(part, *TEXTS) for part in parts)
