"""Anthropic's messages as leaves: whole, as events, as usage objects alone; what contradicts itself is said."""

from typing import Any

import pytest

from metering.normalising import Normalised, UnreadableUsage, normalise
from providers.leaves import Leaf


def read(response: Any) -> Normalised:
    return normalise("anthropic", response)


def whole(usage: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    text = [{"type": "text", "text": "Six words of an answer here."}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-6", "content": text}
    return message | {"stop_reason": "end_turn", "usage": usage} | more


def events(start: dict[str, Any], *deltas: dict[str, Any], text: str = "Hello") -> list[dict[str, Any]]:
    return [
        {"type": "message_start", "message": whole(start, content=[], stop_reason=None)},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        *({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta} for delta in deltas),
    ]


def lifetimes(short: int, long: int) -> dict[str, int]:
    return {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}


EVERYTHING = {
    "input_tokens": 100,
    "cache_read_input_tokens": 200,
    "cache_creation_input_tokens": 70,
    "cache_creation": lifetimes(40, 30),
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
    "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2},
    "service_tier": "priority",
    "inference_geo": "us",
}


def test_every_leaf() -> None:
    found = read(whole(EVERYTHING))
    assert found.leaves == {
        "input": 100, "cache_read": 200, "cache_write_5m": 40, "cache_write_1h": 30, "output": 30, "reasoning": 20,
        "web_search": 3, "web_fetch": 2,
    }  # fmt: skip
    assert (found.model, found.service_tier, found.complete) == ("claude-opus-4-6", "priority", True)
    assert found.flags == ()


@pytest.mark.parametrize(
    ("start", "deltas", "right"),
    [
        # A delta is a running total; adding it to the start would charge 16, 54 and 48 + 27 tokens.
        ({"input_tokens": 25, "output_tokens": 1}, [{"output_tokens": 15}], {"input": 25, "output": 15}),
        (
            {"input_tokens": 27, "output_tokens": 1},
            [{"input_tokens": 27, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 47}],
            {"input": 27, "output": 47, "cache_write_5m": 0, "cache_read": 0},
        ),
        (
            {"input_tokens": 27, "output_tokens": 1},
            [{"output_tokens": 10}, {"output_tokens": 47}],
            {"input": 27, "output": 47},
        ),
        # Null and absent erase nothing; 0 does.
        (
            {"input_tokens": 27, "cache_read_input_tokens": 5, "output_tokens": 1},
            [{"input_tokens": None, "cache_read_input_tokens": None, "output_tokens": 3}],
            {"input": 27, "cache_read": 5, "output": 3},
        ),
        (
            {"input_tokens": 27, "output_tokens": 4},
            [{"input_tokens": 0, "output_tokens": 0}],
            {"input": 0, "output": 0},
        ),
        # Only the start has the split; what was written after it is of the default lifetime.
        (
            {"input_tokens": 1, "cache_creation_input_tokens": 30, "cache_creation": EVERYTHING["cache_creation"]}
            | {"cache_creation_input_tokens": 70},
            [{"cache_creation_input_tokens": 75, "output_tokens": 2}],
            {"input": 1, "cache_write_5m": 45, "cache_write_1h": 30, "output": 2},
        ),
        # Searches are counted on the way.
        (
            {"input_tokens": 1, "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}},
            [{"output_tokens": 2, "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": None}}],
            {"input": 1, "output": 2, "web_search": 2, "web_fetch": 0},
        ),
        (
            {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 9}},
            [{"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 2}}],
            {"input": 1, "output": 3, "reasoning": 2},
        ),
    ],
)
def test_the_newest_figures_of_a_stream_count(start: Any, deltas: Any, right: dict[str, int]) -> None:
    for stream in (events(start, *deltas), [start, *deltas]):
        found = read(stream)
        assert (found.leaves, found.complete, found.flags) == (right, True, ())


def test_tier_speed_and_split_of_the_start_stay() -> None:
    start = EVERYTHING | {"output_tokens": 1, "output_tokens_details": None}
    found = read(events(start, {"output_tokens": 50}))
    assert found.service_tier == "priority"
    assert found.leaves[Leaf.CACHE_WRITE_1H] == 30
    assert found.raw["usage"]["inference_geo"] == "us"
    assert [usage["output_tokens"] for usage in found.raw["usages"]] == [1, 50]


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"service_tier": "standard"}, "standard"),
        ({"service_tier": "batch"}, "batch"),
        ({"service_tier": "standard", "speed": "standard"}, "standard"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
        ({"speed": "fast"}, "fast"),
        ({"service_tier": None, "speed": None}, None),
        ({}, None),
    ],
)
def test_tier(usage: dict[str, Any], tier: str | None) -> None:
    assert read(whole({"input_tokens": 1, "output_tokens": 1} | usage)).service_tier == tier
    assert read(events({"input_tokens": 1} | usage, {"output_tokens": 1})).service_tier == tier


@pytest.mark.parametrize(
    ("usage", "right", "flag"),
    [
        (
            {"cache_creation_input_tokens": 10, "cache_creation": lifetimes(4, 8)},
            {"cache_write_5m": 4, "cache_write_1h": 6},
            "Anthropic reports 10 cache writes, its split says 12: difference 2.",
        ),
        (
            {"cache_creation_input_tokens": 12, "cache_creation": lifetimes(4, 6)},
            {"cache_write_5m": 4, "cache_write_1h": 6},
            "Anthropic reports 12 cache writes, its split says 10: difference 2.",
        ),
        ({"cache_creation_input_tokens": 12}, {"cache_write_5m": 12}, None),
        ({"cache_creation_input_tokens": 12, "cache_creation": None}, {"cache_write_5m": 12}, None),
        ({"cache_creation_input_tokens": 12, "cache_creation": {}}, {"cache_write_5m": 12}, None),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 6}}, {"cache_write_1h": 6}, None),
        # A lifetime that is not known yet has a leaf, too.
        (
            {"cache_creation_input_tokens": 12, "cache_creation": lifetimes(4, 3) | {"ephemeral_12h_input_tokens": 5}},
            {"cache_write_5m": 4, "cache_write_1h": 3, "cache_write": 5},
            None,
        ),
        (
            {"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 9}},
            {"output": 0, "reasoning": 7},
            "Anthropic reports 7 output tokens, its parts add up to 9: difference 2.",
        ),
    ],
)  # fmt: skip
def test_what_does_not_add_up(usage: dict[str, Any], right: dict[str, int], flag: str | None) -> None:
    found = read(whole({"input_tokens": 3, "output_tokens": 5} | usage))
    assert found.leaves == {"input": 3, "output": 5} | right
    assert found.flags == ((flag,) if flag else ())
    assert found.complete


def test_a_contradiction_at_the_start_stays_one() -> None:
    start = {"input_tokens": 3, "cache_creation_input_tokens": 10, "cache_creation": lifetimes(4, 8)}
    found = read(events(start, {"cache_creation_input_tokens": 10, "output_tokens": 5}))
    assert found.flags == ("Anthropic reports 10 cache writes, its split says 12: difference 2.",)
    assert sum(found.leaves.values()) == 3 + 10 + 5


@pytest.mark.parametrize(
    ("response", "right", "characters"),
    [
        # Cut after the start: its output token is no figure.
        (events({"input_tokens": 25, "output_tokens": 1}), {"input": 25}, 5),
        (events({"input_tokens": 25, "output_tokens": 1})[:1], {"input": 25}, 0),
        (events({"input_tokens": 25, "output_tokens": 1})[0], {"input": 25}, 0),
        ([{"input_tokens": 25, "output_tokens": 1}], {"input": 25}, 0),
        ([{"usage": {"input_tokens": 25, "output_tokens": 1}}], {"input": 25}, 0),
        (events({"input_tokens": 25, "output_tokens": 1}, {"output_tokens": None}), {"input": 25}, 5),
        (events({"input_tokens": 25, "cache_read_input_tokens": 3}), {"input": 25, "cache_read": 3}, 5),
        # The SDK's snapshot of a cut stream is a message with no reason for its end.
        (whole({"input_tokens": 25, "output_tokens": 1}, stop_reason=None), {"input": 25}, 28),
        # No start: the input is not known.
        (events({}, {"output_tokens": 7})[2:], {"output": 7}, 5),
        (events({}), {}, 5),
        (whole(None), {}, 28),
        (whole({}), {}, 28),
        ({"input_tokens": 25}, {"input": 25}, 0),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, {}, 0),
        ({"usage": None}, {}, 0),
    ],
)
def test_missing_usage_is_not_complete(response: Any, right: dict[str, int], characters: int) -> None:
    found = read(response)
    assert (found.leaves, found.complete, found.streamed_characters) == (right, False, characters)
    assert found.flags == ()


def test_one_usage_object_alone_is_complete() -> None:
    found = read({"input_tokens": 25, "output_tokens": 15})
    assert (found.leaves, found.complete) == ({"input": 25, "output": 15}, True)
    assert read({"usage": {"input_tokens": 25, "output_tokens": 0}}).leaves == {"input": 25, "output": 0}


def test_characters_of_every_kind_of_delta() -> None:
    kinds = [("text", "ab"), ("thinking", "cde"), ("partial_json", '{"f":'), ("signature", "not counted")]
    stream = events({"input_tokens": 1}, text="") + [
        {"type": "content_block_delta", "delta": {"type": "x", name: text}} for name, text in kinds
    ]
    assert read(stream).streamed_characters == 10
    called = whole(None, content=[{"type": "tool_use", "name": "n", "input": {"q": ["abc", {"d": "e"}], "n": 1}}])
    assert read(called).streamed_characters == len("qabcden")


COMPACTION = {"type": "compaction", "input_tokens": 1000, "cache_read_input_tokens": 0, "output_tokens": 90}
ADVISOR = {"type": "advisor_message", "model": "claude-fable-5", "input_tokens": 40, "output_tokens": 2}


def test_compaction_comes_on_top_and_an_advisor_is_flagged() -> None:
    message = {"type": "message", "input_tokens": 10, "output_tokens": 5}
    usage = {"input_tokens": 10, "output_tokens": 5, "iterations": [COMPACTION, message, ADVISOR]}
    for response in (whole(usage), events({"input_tokens": 10, "output_tokens": 1}, usage)):
        found = read(response)
        assert found.leaves == {"input": 1010, "cache_read": 0, "output": 95}
        assert found.flags == ("An advisor, claude-fable-5, used 42 tokens of its own; they are not counted.",)


def test_a_thousand_contradictions_of_one_kind_are_one_flag() -> None:
    odd = COMPACTION | {"cache_creation_input_tokens": 10, "cache_creation": lifetimes(4, 8)}
    others = [ADVISOR | {"model": f"claude-{n}"} for n in range(1000)]
    usage = {"input_tokens": 1, "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 9}}
    found = read(whole(usage | {"iterations": [odd] * 1000 + others}))
    assert found.flags == (
        "Anthropic reports 5 output tokens, its parts add up to 9: difference 4.",
        "Anthropic reports 10 cache writes, its split says 12: difference 2. So 999 more times.",
        "Advisors of 1000 models used 42000 tokens of their own in 1000 requests; they are not counted.",
    )
    [flag] = read(whole(usage | {"output_tokens": 9, "iterations": [ADVISOR] * 3})).flags
    assert flag.startswith("An advisor, claude-fable-5, used 126 tokens of its own in 3 requests;")


@pytest.mark.parametrize(
    ("usage", "field"),
    [
        ({"input_tokens": -1}, "input_tokens"),
        ({"cache_creation": {"ephemeral_1h_input_tokens": "12"}}, "cache_creation.ephemeral_1h_input_tokens"),
        ({"cache_creation": [1]}, "cache_creation"),
        ({"output_tokens_details": {"thinking_tokens": True}}, "output_tokens_details.thinking_tokens"),
        ({"server_tool_use": {"web_search_requests": 1.5}}, "server_tool_use.web_search_requests"),
        ({"iterations": {"type": "compaction"}}, "iterations"),
        ({"iterations": [{}] * 50_001}, "iterations"),
        ({"iterations": [COMPACTION | {"output_tokens": -4}]}, "output_tokens"),
    ],
)
def test_nonsense_names_its_field(usage: dict[str, Any], field: str) -> None:
    with pytest.raises(UnreadableUsage, match=rf"^{field} "):
        read(whole({"input_tokens": 1, "output_tokens": 1} | usage))
    with pytest.raises(UnreadableUsage, match=rf"^{field} "):
        read(events({"input_tokens": 1}, {"output_tokens": 1} | usage))


def test_even_the_output_that_is_not_counted_must_be_a_count() -> None:
    with pytest.raises(UnreadableUsage, match="output_tokens is negative"):
        read(events({"input_tokens": 1, "output_tokens": -1}, {"output_tokens": 1}))
