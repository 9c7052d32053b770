"""What wrapped SDKs send to be billed by, and what they keep to themselves."""

import json
from typing import Any

import pytest
from billing_client.adapters.bounds import TOOLS_PREAMBLE, drawn_in, input_bound
from billing_client.adapters.characters import characters
from billing_client.adapters.events import billable
from billing_client.adapters.tally import Tally
from billing_client.responses import as_json

SECRET = "the launch code"  # 15 characters

CHAT = {
    "id": "c1", "object": "chat.completion", "model": "gpt-5", "service_tier": "default", "created": 1,
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": SECRET, "reasoning_content": SECRET,
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": SECRET, "arguments": SECRET}}],
        }},
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}},
}  # fmt: skip
RESPONSE = {
    "id": "r1", "object": "response", "model": "gpt-5", "status": "completed", "instructions": SECRET,
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": SECRET}]},
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": SECRET}},
        {"type": "message", "content": [{"type": "output_text", "text": SECRET}]},
        {"type": "function_call", "name": SECRET, "arguments": SECRET},
    ],
    "usage": {"input_tokens": 7, "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 1}},
    "tool_usage": {"web_search": {"num_requests": 1}},
}  # fmt: skip
MESSAGE = {
    "id": "m1", "type": "message", "model": "claude-opus-4-6", "stop_reason": "end_turn", "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": SECRET, "signature": SECRET},
        {"type": "server_tool_use", "name": "web_search", "input": {"q": SECRET}},
        {"type": "tool_use", "name": SECRET, "input": {"q": SECRET}},
        {"type": "text", "text": SECRET},
    ],
    "usage": {"input_tokens": 7, "output_tokens": 3, "server_tool_use": {"web_search_requests": 1}},
}  # fmt: skip
CONTENT = {
    "responseId": "g1", "modelVersion": "gemini-2.5-pro",
    "candidates": [
        {"finishReason": "STOP", "content": {"role": "model", "parts": [
            {"text": SECRET, "thought": True}, {"functionCall": {"name": SECRET, "args": {"q": SECRET}}},
        ]}, "groundingMetadata": {"webSearchQueries": [SECRET, SECRET, "", "other"], "searchEntryPoint": SECRET}},
    ],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
}  # fmt: skip
ALL = {"chat": CHAT, "response": RESPONSE, "message": MESSAGE, "content": CONTENT}


@pytest.mark.parametrize("answer", ALL.values(), ids=ALL)
def test_no_text_leaves_and_all_usage_does(answer: dict[str, Any]) -> None:
    kept = billable(answer)
    assert SECRET not in json.dumps(kept)
    for name in ("usage", "usageMetadata", "tool_usage", "model", "modelVersion", "service_tier", "id", "status"):
        assert kept.get(name) == answer.get(name)


def test_tools_that_bill_stay_countable() -> None:
    assert billable(RESPONSE)["output"][1] == {
        "type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search"},
    }  # fmt: skip
    assert [block.get("name") for block in billable(MESSAGE)["content"]] == [None, "web_search", None, None]
    first, again, empty, other = billable(CONTENT)["candidates"][0]["groundingMetadata"]["webSearchQueries"]
    assert first == again != other
    assert empty == ""


@pytest.mark.parametrize(
    ("answer", "said", "thought"),
    [(CHAT, 30, 15), (RESPONSE, 30, 15), (MESSAGE, 15 + 2 * 24, 15), (CONTENT, 24, 15)],
    ids=ALL,
)
def test_characters_of_output_are_counted(answer: dict[str, Any], said: int, thought: int) -> None:
    # {"q": "the launch code"} is 24 characters of JSON.
    assert characters(answer) == (said, thought)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"object": "chat.completion.chunk", "choices": [{"delta": {"content": "four"}}]}, 4),
        ({"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}]}, 2),
        ({"type": "response.output_text.delta", "delta": "four"}, 4),
        ({"type": "response.output_text.done", "text": "four"}, 0),
        ({"type": "response.completed", "response": RESPONSE}, 0),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "four"}}, 4),
        ({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "four"}}, 4),
        ({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "four"}}, 4),
        ({"candidates": [{"content": {"parts": [{"text": "four"}]}}]}, 4),
        ({"candidates": None}, 0),
        ({"type": "error", "code": "server_error", "message": "down"}, 0),
    ],
)  # fmt: skip
def test_characters_of_an_event(event: dict[str, Any], expected: int) -> None:
    assert sum(characters(event)) == expected


def test_long_stream_is_settled_with_few_events() -> None:
    tally = Tally({}, 10_000, 700)
    for n in range(1, 5_001):
        tally.add(
            {"usageMetadata": {"candidatesTokenCount": n}, "candidates": [{"content": {"parts": [{"text": "abcd"}]}}]}
        )
    assert not tally.counted
    assert tally.usage == {"output": 5_000}
    # A guess above what is authorised would make the server say stop.
    capped = Tally({}, 7, None)
    capped.add({"candidates": [{"content": {"parts": [{"text": "a" * 16}, {"text": "a" * 16, "thought": True}]}}]})
    assert capped.usage == {"output": 4, "reasoning": 3}
    capped.add({"candidates": [{"content": {"parts": [{"text": "a" * 16}]}}]})
    assert capped.usage == {"output": 7}
    assert [event["usageMetadata"]["candidatesTokenCount"] for event in tally.evidence] == [1, 5_000]


def test_what_each_event_says_is_kept() -> None:
    start = {
        "type": "message_start",
        "message": {"id": "m", "stop_reason": None, "usage": {"input_tokens": 25, "output_tokens": 1}},
    }
    delta = {"type": "content_block_delta", "delta": {"text": SECRET}}
    ten = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 10}}
    more = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 47, "input_tokens": 26},
    }
    tally = Tally({}, 10_000, 700)
    for event in (start, delta, ten, delta, more, {"type": "message_stop"}):
        tally.add(event)
    assert tally.evidence == [start, ten, more, {"type": "message_stop"}]
    assert (tally.counted, tally.ended) == (True, True)


def test_stream_without_an_event_is_settled_with_one_that_says_nothing() -> None:
    assert Tally({"type": "ping"}, 1, None).evidence == [{"type": "ping"}]


def test_sdk_objects_become_the_providers_json() -> None:
    from anthropic.types import Message
    from google.genai.types import GenerateContentResponse

    message = Message.construct(**MESSAGE, new_field={"a": [1]})
    assert as_json(message) == {**MESSAGE, "new_field": {"a": [1]}}
    assert (
        as_json([GenerateContentResponse.model_validate({"usageMetadata": CONTENT["usageMetadata"]})])[0][
            "usageMetadata"
        ]
        == CONTENT["usageMetadata"]
    )
    # A snapshot of a stream that goes on: its null must not get lost.
    assert as_json(Message.construct(stop_reason=None)) == {"stop_reason": None}


def test_input_bound_is_bytes_of_utf8_not_characters() -> None:
    assert input_bound({"messages": [{"content": "naïve 🙂"}]}) >= len("naïve 🙂".encode())
    assert input_bound({"messages": []}) < 20
    assert input_bound({"tools": [{"name": "f"}]}) > TOOLS_PREAMBLE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [{"content": "text"}], "tools": [{"type": "function"}, {"name": "f"}]}, set()),
        ({"messages": [{"content": [{"type": "image_url", "image_url": {}}]}]}, {"image"}),
        ({"messages": [{"content": [{"type": "document", "source": {"type": "text", "data": "x"}}]}]}, set()),
        ({"messages": [{"content": [{"type": "document", "source": {"type": "url"}}]}]}, {"document"}),
        ({"messages": [{"content": [{"type": "tool_result", "content": [{"type": "image"}]}]}]}, {"image"}),
        ({"messages": [{"content": [{"type": "tool_use", "input": {"type": "image"}}]}]}, set()),
        ({"input": [{"type": "message", "content": [{"type": "input_file"}]}]}, {"document"}),
        ({"input": "text", "previous_response_id": "r1"}, {"previous_response_id"}),
        ({"input": "text", "tools": [{"type": "web_search"}]}, {"tool web_search"}),
        ({"messages": [], "tools": [{"type": "bash_20250124", "name": "bash"}]}, {"tool bash_20250124"}),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav"}}, {"text": "x"}]}]}, {"audio"}),
        ({"contents": [], "tools": [{"functionDeclarations": []}, {"googleSearch": {}}]}, {"tool googleSearch"}),
        ({"contents": [], "cachedContent": "c"}, {"cachedContent"}),
    ],
)  # fmt: skip
def test_what_is_not_in_the_request_is_seen(body: dict[str, Any], expected: set[str]) -> None:
    assert drawn_in(body) == expected
