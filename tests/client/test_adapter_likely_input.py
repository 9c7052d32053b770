"""What input a call is reported with whose provider never said: its characters by four, never above the bound."""

import json
from typing import Any

import pytest
from billing_client.adapters.bounds import input_bound
from billing_client.adapters.prompts import likely_input
from billing_client.adapters.tally import Tally

TEXT = "The quick brown fox jumps over the lazy dog. " * 900  # 40,500 characters
TOOLS = '[{"name":"find","parameters":{"type":"object","properties":{"word":{"type":"string"}}}}]'


@pytest.mark.parametrize(
    ("body", "characters"),
    [
        ({"model": "m", "messages": [{"role": "user", "content": TEXT}]}, 40_500),
        ({"model": "m", "input": TEXT, "instructions": "Be short."}, 40_509),
        ({"model": "m", "input": [{"type": "message", "content": [{"type": "input_text", "text": TEXT}]}]}, 40_500),
        ({"system": [{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}], "messages": []}, 40_500),
        ({"contents": [{"role": "user", "parts": [{"text": TEXT}]}], "systemInstruction": {"parts": [{"text": "ab"}]}},
         40_502),
        ({"messages": [{"content": "naïve 🙂"}]}, 7),
        # What a tool was called with, as the JSON that the model reads: {"q":"fox"}
        ({"messages": [{"content": [{"type": "tool_use", "id": "t", "name": "find", "input": {"q": "fox"}}]}]}, 15),
        ({"contents": [{"parts": [{"functionCall": {"name": "find", "args": {"q": "fox"}}}]}]}, 15),
        ({"messages": [{"tool_calls": [{"id": "t", "function": {"name": "f", "arguments": '{"q":"fox"}'}}]}]}, 12),
        ({"messages": [], "tools": json.loads(TOOLS)}, len(TOOLS)),
        # Sealed reasoning that goes back to the provider is long, and no text.
        ({"messages": [{"content": [{"type": "thinking", "thinking": "hm", "signature": TEXT}]}]}, 2),
        ({"messages": []}, 0),
    ],
)  # fmt: skip
def test_texts_of_a_request_are_counted(body: dict[str, Any], characters: int) -> None:
    assert likely_input(body, 1_000_000) == -(-characters // 4)
    assert likely_input(body, 1_000_000) <= input_bound(body)


def test_likely_is_never_above_the_bound() -> None:
    assert likely_input({"messages": [{"content": TEXT}]}, 77) == 77


@pytest.mark.parametrize(
    "body",
    [
        {"input": "And then?", "previous_response_id": "r1"},
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]},
        {"input": "News?", "tools": [{"type": "web_search"}]},
        {"contents": [], "cachedContent": "c"},
    ],
)
def test_nobody_can_tell_what_a_request_draws_in(body: dict[str, Any]) -> None:
    assert likely_input(body, 5_000) is None


def test_input_is_reported_until_the_provider_measures_it() -> None:
    tally = Tally({}, 100, 7)
    assert tally.usage == {"input": 7, "output": 0}
    tally.add({"choices": [{"delta": {"content": "four"}}]})
    assert tally.usage == {"input": 7, "output": 1}
    tally.add({"choices": [{"delta": {"content": "four"}}], "usage": {"prompt_tokens": 9}})
    assert tally.usage == {"output": 2}
    assert Tally({}, 100, None).usage == {"output": 0}


def test_answer_without_a_word_is_still_settled_with_something() -> None:
    tally = Tally({"candidates": []}, 100, 7)
    tally.add_whole({"promptFeedback": {"blockReason": "SAFETY"}})
    assert tally.evidence == {"candidates": []}
