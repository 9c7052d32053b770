"""Whose JSON an answer is in, what is no answer at all, and what of one is kept."""

import json
from typing import Any

import pytest

from metering.normalising import UnreadableUsage, normalise
from metering.normalising.tally import DEAREST_FIRST
from providers.leaves import INPUT_SIDE, OUTPUT_SIDE

ANTHROPIC = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 20}
START = {"type": "message_start", "message": {"usage": ANTHROPIC}}
CHAT = {"prompt_tokens": 15, "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens": 20}
RESPONSES = {"input_tokens": 15, "input_tokens_details": {"cached_tokens": 5}, "output_tokens": 20}
GOOGLE = {"promptTokenCount": 15, "cachedContentTokenCount": 5, "candidatesTokenCount": 20}
GOOGLE_SDK = {"prompt_token_count": 15, "cached_content_token_count": 5, "candidates_token_count": 20}
LEAVES = {"input": 10, "cache_read": 5, "output": 20}


@pytest.mark.parametrize(
    ("own", "answer"),
    [
        ("anthropic", ANTHROPIC),
        ("anthropic", {"usage": ANTHROPIC}),
        ("anthropic", [START, {"type": "message_delta", "usage": ANTHROPIC}]),
        ("anthropic", [ANTHROPIC, {"output_tokens": 20}]),
        ("openai", CHAT),
        ("openai", {"usage": CHAT}),
        ("openai", {"choices": [], "usage": CHAT}),
        ("openai", [{"choices": [], "usage": None}, {"choices": [], "usage": CHAT}]),
        ("openai", RESPONSES),
        ("openai", {"object": "response", "usage": RESPONSES}),
        ("openai", [{"type": "response.completed", "response": {"usage": RESPONSES}}]),
        ("google", GOOGLE),
        ("google", GOOGLE_SDK),
        ("google", {"usageMetadata": GOOGLE}),
        ("google", {"usage_metadata": GOOGLE_SDK}),
        ("google", [{"usageMetadata": {}}, {"usageMetadata": GOOGLE}]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", [True, False])
def test_by_slug_and_by_shape_the_same_comes_out(own: str, answer: Any, named: bool) -> None:
    found = normalise(own if named else "some-gateway", answer)
    assert (found.leaves, found.complete, found.flags) == (LEAVES, True, ())


def test_the_slug_decides_where_the_shape_could_be_either() -> None:
    usage = {"input_tokens": 25, "output_tokens": 15}
    assert normalise("openai", usage) == normalise("anthropic", usage)
    # In a list, Anthropic's is the start of a stream; OpenAI has no such thing.
    assert normalise("openai", [usage]).complete
    assert not normalise("anthropic", [usage]).complete
    assert not normalise("unknown", [usage]).complete


@pytest.mark.parametrize("slug", ["anthropic", "google"])
def test_a_provider_that_answers_in_the_shape_of_another_is_still_read(slug: str) -> None:
    assert normalise(slug, {"object": "chat.completion", "choices": [], "usage": CHAT}).leaves == LEAVES


@pytest.mark.parametrize("slug", ["openai", "anthropic", "google", "some-gateway"])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "The answer must be an object"),
        (5, "The answer must be an object"),
        ("usage", "The answer must be an object"),
        ([], "The list of events is empty"),
        ([ANTHROPIC, None], "Event 2 of the list must be an object"),
        (["[DONE]"], "Event 1 of the list must be an object"),
        ({}, "neither usage nor anything else"),
        ({"tokens": 12}, "neither usage nor anything else"),
        ([{}, {"hello": "world"}], "neither usage nor anything else"),
        ({"usage": 5}, "usage must be an object"),
        ({"usage": [1]}, "usage must be an object"),
        ({"usage": "15"}, "usage must be an object"),
        ({"usageMetadata": True}, "usage_metadata must be an object"),
        ({"usage": {"input_tokens": -1, "output_tokens": 1}}, "input_tokens is negative"),
        ({"usage": {"prompt_tokens": -1}}, "prompt_tokens is negative"),
        ({"usageMetadata": {"promptTokenCount": -1}}, "prompt_token_count is negative"),
        ({"model": {"name": "x"}, "usage": CHAT}, "model must be a name"),
        ({"model": "x" * 201, "usage": CHAT}, "model must be a name"),
        ({"model": "a\x00b", "usage": CHAT}, "model must be a name"),
    ],
)
def test_what_is_no_answer_is_refused(slug: str, answer: Any, message: str) -> None:
    with pytest.raises(UnreadableUsage, match=message):
        normalise(slug, answer)


@pytest.mark.parametrize("slug", ["openai", "anthropic", "google", "some-gateway"])
@pytest.mark.parametrize("answer", [{"usage": None}, {"error": {"message": "overloaded"}}, {"usage": {"new": 4}}])
def test_an_answer_without_usage_is_not_complete(slug: str, answer: Any) -> None:
    found = normalise(slug, answer)
    assert (found.leaves, found.complete, found.flags, found.service_tier) == ({}, False, (), None)


SECRET = "the-secret"
TALKATIVE = [
    {
        "choices": [{"message": {"content": SECRET}}],
        "id": "chatcmpl-1",
        "model": "gpt-5.6",
        "prompt": SECRET,
        "usage": CHAT
        | {"note": SECRET, "more": {"a": [SECRET, 7]}, f"{SECRET} spoken": 1, "type": f"{SECRET} of mine"},
    },
    {
        "content": [{"type": "text", "text": SECRET}],
        "type": "message",
        "id": "msg_1",
        "system": SECRET,
        "usage": ANTHROPIC | {"note": SECRET, "service_tier": "standard"},
    },
    {
        "object": "response",
        "id": "resp_1",
        "instructions": SECRET,
        "output": [{"type": "web_search_call", "action": {"type": "search", "query": SECRET}}],
        "usage": RESPONSES | {"note": SECRET},
    },
    {
        "candidates": [{"content": {"parts": [{"text": SECRET}]}, "groundingMetadata": {"webSearchQueries": [SECRET]}}],
        "responseId": "r1",
        "usageMetadata": GOOGLE | {"note": SECRET},
    },
    ANTHROPIC | {"prompt": SECRET},
]


@pytest.mark.parametrize("answer", TALKATIVE)
def test_text_is_never_kept(answer: dict[str, Any]) -> None:
    for response in (answer, [answer, answer]):
        assert SECRET not in json.dumps(normalise("some-gateway", response).raw)


def test_figures_and_names_are_kept() -> None:
    found = normalise("openai", TALKATIVE[0])
    assert found.raw == {
        "usage": CHAT | {"note": None, "more": {"a": [None, 7]}, "type": None},
        "model": "gpt-5.6",
        "id": "chatcmpl-1",
    }


def test_what_is_kept_stays_small_and_is_json() -> None:
    deep: Any = 1
    for _ in range(50):
        deep = {"below": deep, "n": float("inf")}
    many = {f"field_{n}": list(range(1000)) for n in range(190)}
    usages = [CHAT | {"deep": deep, "huge": 10**400, "prompt_tokens": n} | many for n in range(200)]
    raw = normalise("openai", usages).raw
    assert [usage["prompt_tokens"] for usage in raw["usages"]] == [0, 197, 198, 199]
    assert (raw["usage"]["huge"], raw["usage"]["deep"]["n"]) == (None, None)
    assert len(json.dumps(raw, allow_nan=False)) < 40_000


WIDE = {f"field_{n}": 1 for n in range(201)}


@pytest.mark.parametrize("slug", ["openai", "anthropic", "google", "some-gateway"])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        # What takes more than a moment to read is no answer: fields that pile up, objects without end.
        ([CHAT | WIDE], "The usage has more than 200 fields"),
        ([{"usage": ANTHROPIC | WIDE}, {"usage": ANTHROPIC}], "The usage has more than 200 fields"),
        ({"usageMetadata": GOOGLE | WIDE}, "The usage has more than 200 fields"),
        ({"usage": ANTHROPIC | {"cache_creation": WIDE}}, "The usage has more than 200 fields"),
        ([ANTHROPIC | {f"field_{n}": 1} for n in range(201)], "The usage has more than 200 fields"),
        ([ANTHROPIC] * 20_001, "The list has more than 20,000 events"),
        ({"usage": ANTHROPIC} | {f"field_{n}": 1 for n in range(1_000)}, "more than 1,000 fields"),
    ],
)
def test_an_answer_of_no_end_is_refused(slug: str, answer: Any, message: str) -> None:
    with pytest.raises(UnreadableUsage, match=message):
        normalise(slug, answer)


def test_the_answer_is_not_changed() -> None:
    tools = {"web_search_requests": 0, "more": {"below": {"n": 1}}}
    events = [{"type": "message_start", "message": {"usage": ANTHROPIC | {"server_tool_use": tools}}}]
    later = {"web_search_requests": 2, "more": {"below": {"n": 2}}, "new": {"n": 1}}
    events += [{"type": "message_delta", "usage": {"output_tokens": 5, "server_tool_use": later}}]
    events += [{"type": "message_delta", "usage": {"server_tool_use": {"new": {"n": 2}}}}]
    before = json.dumps(events)
    normalise("anthropic", events)
    assert json.dumps(events) == before


def test_every_leaf_of_tokens_can_give_way() -> None:
    assert set(DEAREST_FIRST) == INPUT_SIDE | OUTPUT_SIDE
