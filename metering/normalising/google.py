"""Gemini's generateContent, whole or in chunks, as JSON of the API (camelCase) or of the SDK (snake_case)."""

from collections.abc import Sequence

from metering.normalising.characters import length, length_within
from metering.normalising.google_leaves import FIELDS, count_usage
from metering.normalising.google_names import in_snake_case
from metering.normalising.google_search import count_searches
from metering.normalising.merging import newest
from metering.normalising.reading import Json, each, inner, name_at, newest_name, usage_in, word
from metering.normalising.result import Heard, Normalised, conclude
from metering.normalising.tally import Tally

NAME = "Google"
OWN = ("usage_metadata", "candidates", "prompt_feedback", "model_version")
NOT_SAID = ("unspecified", "service_tier_unspecified", "traffic_type_unspecified")


def recognises(item: Json) -> bool:
    """Whether `item` is an answer, chunk or usage object of this API."""
    named = in_snake_case(item)
    return any(name in named for name in OWN) or any(f in place for place in (named, _usage(named)) for f in FIELDS)


def _usage(item: Json) -> Json:
    return in_snake_case(inner(item, "usage"))


def read(items: Sequence[Json], *, streamed: bool) -> Normalised:
    """Normalise an answer, or the chunks of one. Raises `UnreadableUsage`."""
    answers = [in_snake_case(item) for item in items]
    pairs = zip(items, answers, strict=True)
    found = [(answer, usage) for item, answer in pairs if (usage := _usage_of(item, answer))]
    usages = [usage for _, usage in found]
    merged, tally = newest([in_snake_case(usage) for usage in usages]), Tally(NAME)
    measured = count_usage(tally, merged)
    model = newest_name(answers, "model_version") or newest_name(answers, "model")
    candidates = [in_snake_case(one) for answer in answers for one in each(answer, "candidates")]
    tools = count_searches(tally, candidates, model)
    heard = Heard(
        usages=usages,
        model=model,
        tier=_tier(merged, answers),
        ids=[name for answer, _ in found if (name := word(answer, "response_id"))],
        characters=sum(_characters(one) for one in candidates),
    )
    # Chunks hold running totals. Those of a stream that was cut, with no reason for its end, are not the last.
    final = not streamed or not candidates or any(one.get("finish_reason") for one in candidates)
    return conclude(tally, heard, tier=_in_price_book(heard.tier), complete=measured and final, tools=tools)


def _usage_of(item: Json, answer: Json) -> Json | None:
    """The usage object as it came; `answer` is `item` with its names in snake_case."""
    name = "usage" if "usage" in answer and "usage_metadata" not in answer else "usage_metadata"
    found = usage_in(answer, name, FIELDS)
    return item if found is answer else found


def _tier(usage: Json, answers: Sequence[Json]) -> str | None:
    places = [usage, *reversed(answers)]
    named = [name_at(place, field) for place in places for field in ("service_tier", "traffic_type")]
    return next((name for name in named if name and name.lower() not in NOT_SAID), None)


def _in_price_book(tier: str | None) -> str | None:
    """The tier behind a service tier (flex) or a type of traffic (ON_DEMAND_FLEX): plain ON_DEMAND is standard."""
    return "standard" if tier and tier.lower() == "on_demand" else tier and tier.lower().removeprefix("on_demand_")


def _characters(candidate: Json) -> int:
    total = 0
    for part in each(inner(candidate, "content"), "parts"):
        named = in_snake_case(part)
        called = length_within(inner(named, "function_call").get("args"))
        total += length(named, "text") + called + length(inner(named, "executable_code"), "code")
    return total
