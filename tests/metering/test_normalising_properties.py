"""Whatever a provider reports: consistent figures add up to its total, nothing is negative, nothing else is raised."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from metering.normalising import UnreadableUsage, normalise
from metering.normalising.tally import TOKENS
from providers.leaves import INPUT_SIDE
from tests.metering import test_normalising_anthropic as anthropics
from tests.metering import test_normalising_google as googles
from tests.metering import test_normalising_openai as openais

counts = st.integers(0, 1_000_000)
some = st.one_of(st.none(), st.integers(0, 2_000))


def present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@st.composite
def openai(draw: Any) -> tuple[Any, int, int]:
    """A consistent usage object of either API with its input and output total."""
    asked, answered = draw(st.sampled_from([("prompt", "completion"), ("input", "output")]))
    cached, written, audio, image, reasoning, spoken = (draw(some) for _ in range(6))
    prompt = draw(counts) + sum(n or 0 for n in (cached, written, audio, image))
    completion = draw(counts) + (reasoning or 0) + (spoken or 0)
    asked_details = {
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "audio_tokens": audio,
        "image_tokens": image,
    }
    usage = {
        f"{asked}_tokens": prompt, f"{answered}_tokens": completion,
        f"{asked}_tokens_details": draw(st.sampled_from([present(asked_details), asked_details])),
        f"{answered}_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken},
        "total_tokens": draw(st.sampled_from([None, prompt + completion])),
    }  # fmt: skip
    return usage, prompt, completion


@st.composite
def anthropic(draw: Any) -> tuple[Any, int, int]:
    fresh, read, short, long, output = (draw(counts) for _ in range(5))
    split = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    usage = {
        "input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": short + long,
        "cache_creation": draw(st.sampled_from([None, split])), "output_tokens": output,
        "output_tokens_details": draw(st.sampled_from([None, {"thinking_tokens": output // 3}])),
        "server_tool_use": draw(st.sampled_from([None, {"web_search_requests": 3, "web_fetch_requests": 0}])),
    }  # fmt: skip
    return usage, fresh + read + short + long, output


@st.composite
def google(draw: Any) -> tuple[Any, int, int]:
    kinds = draw(st.dictionaries(st.sampled_from(["TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT"]), counts))
    cached = {kind: draw(st.integers(0, number)) for kind, number in kinds.items()}
    tools, thoughts, made = draw(some), draw(some), draw(counts)
    prompt = sum(kinds.values())
    usage = {
        "promptTokenCount": prompt, "promptTokensDetails": rows(kinds),
        "cachedContentTokenCount": sum(cached.values()), "cacheTokensDetails": rows(cached),
        "toolUsePromptTokenCount": tools, "thoughtsTokenCount": thoughts, "candidatesTokenCount": made,
        "totalTokenCount": prompt + (tools or 0) + (thoughts or 0) + made,
    }  # fmt: skip
    return usage, prompt + (tools or 0), made + (thoughts or 0)


def rows(kinds: dict[str, int]) -> list[dict[str, Any]]:
    return [{"modality": kind, "tokenCount": number} for kind, number in kinds.items()]


@settings(deadline=None)
@given(st.one_of(openai(), anthropic(), google()))
def test_consistent_figures_add_up_to_the_total_on_each_side(reported: tuple[Any, int, int]) -> None:
    usage, asked, answered = reported
    found = normalise("some-gateway", usage)
    tokens = {leaf: number for leaf, number in found.leaves.items() if leaf in TOKENS}
    assert sum(n for leaf, n in tokens.items() if leaf in INPUT_SIDE) == asked
    assert sum(n for leaf, n in tokens.items() if leaf not in INPUT_SIDE) == answered
    assert (found.flags, found.complete) == ((), True)


@settings(deadline=None)
@given(anthropic(), st.lists(st.integers(0, 1_000_000), max_size=4))
def test_a_stream_comes_to_its_last_figures(reported: tuple[Any, int, int], running: list[int]) -> None:
    usage, _, answered = reported
    start = {"type": "message_start", "message": {"usage": usage | {"output_tokens": 1, "output_tokens_details": None}}}
    deltas = [{"type": "message_delta", "usage": {"output_tokens": n}} for n in running]
    final = {"output_tokens": answered, "output_tokens_details": usage["output_tokens_details"]}
    found = normalise("anthropic", [start, *deltas, {"type": "message_delta", "usage": final}])
    assert found.leaves == normalise("anthropic", usage).leaves
    assert found.complete


ANSWERS = [
    anthropics.whole(anthropics.EVERYTHING | {"iterations": [anthropics.COMPACTION, anthropics.ADVISOR]}),
    anthropics.events(anthropics.EVERYTHING, {"output_tokens": 50, "server_tool_use": {"web_search_requests": 3}}),
    anthropics.EVERYTHING,
    openais.completion(openais.CHAT, service_tier="flex"),
    openais.chunks(openais.CHAT),
    openais.response(openais.SUBSETS, *openais.TOOLS, tool_usage={"web_search": {"num_requests": 2}}),
    openais.events("completed", openais.SUBSETS, *openais.TOOLS),
    googles.answer(googles.EVERYTHING, groundingMetadata={"webSearchQueries": ["a"]}) | {"modelVersion": "gemini-3"},
    [googles.answer(googles.PLAIN, finish=None), googles.in_snake_case(googles.answer(googles.EVERYTHING))],
]
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
anything = st.recursive(
    scalars, lambda below: st.lists(below) | st.dictionaries(st.text(max_size=5), below), max_leaves=5
)
slugs = st.sampled_from(["openai", "anthropic", "google", "some-gateway"])


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in `value`."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, one in below for place in places(one, (*at, name)))]


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


@st.composite
def broken(draw: Any, values: Any) -> Any:
    """An answer with a few of its values replaced."""
    answer = draw(st.sampled_from(ANSWERS))
    for _ in range(draw(st.integers(1, 3))):
        answer = replaced(answer, draw(st.sampled_from(places(answer))), draw(values))
    return answer


@settings(max_examples=300, deadline=None)
@given(slugs, st.one_of(broken(anything), broken(st.integers(0, 2_000)), anything))
def test_any_json_is_read_or_refused_and_never_negative(slug: str, answer: Any) -> None:
    with contextlib.suppress(UnreadableUsage):
        found = normalise(slug, answer)
        assert all(0 <= number <= 2_000_000_000 for number in found.leaves.values())
        assert found.streamed_characters >= 0
        kept = json.dumps(found.raw, allow_nan=False, ensure_ascii=False)
        kept.encode()
        assert "\\u0000" not in kept.replace(r"\\", "")  # PostgreSQL's jsonb takes no NUL
        "\n".join([*found.flags, found.model or "", found.service_tier or ""]).encode()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_details_make_more_or_less_than_the_total(data: Any) -> None:
    """Details may say what they will: the leaves add up to the grand total all the same."""
    usage = data.draw(st.sampled_from([openais.CHAT, openais.SUBSETS, googles.EVERYTHING]))
    details = [place for place in places(usage) if len(place) > 1 and isinstance(value_at(usage, place), int)]
    for place in data.draw(st.lists(st.sampled_from(details), max_size=4)):
        usage = replaced(usage, place, data.draw(st.integers(0, 3_000_000)))
    total = usage.get("total_tokens", usage.get("totalTokenCount"))
    assert sum(normalise("some-gateway", usage).leaves.values()) == total


def value_at(value: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        value = value[name]
    return value


def test_depth_is_no_way_to_break_it() -> None:
    deep: Any = "text"
    for _ in range(5_000):
        deep = {"input": [deep]}
    blocks = [{"type": "tool_use", "input": deep}]
    found = normalise("anthropic", {"type": "message", "content": blocks, "usage": {"input_tokens": 1, "deep": deep}})
    assert found.streamed_characters == 5_000 * len("input") + len("text")
    assert not found.complete
