"""What each kind of request is authorised for, and what is sent to the provider instead of what was asked."""

from typing import Any

import pytest
from billing_client.adapters.anthropic import Messages
from billing_client.adapters.dialects import Dialect
from billing_client.adapters.google import Generate
from billing_client.adapters.openai import Chat, Responses

GEMINI = "models/gemini-2.5-pro:streamGenerateContent?alt=sse"


def authorised(dialect: Dialect, body: dict[str, Any], **options: Any) -> dict[str, Any]:
    arguments = dialect.arguments({"model": "m"} | body, options)
    assert arguments.pop("input_tokens") > 0
    assert arguments.pop("dispatched") is True
    return {name: value for name, value in arguments.items() if value is not None}


@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        (Chat(), {"max_tokens": 100}, {"max_output_tokens": 100}),
        (Chat(), {"max_completion_tokens": 100, "n": 3}, {"max_output_tokens": 300, "min_output_tokens": 3}),
        (Chat(), {"n": 3}, {"min_output_tokens": 3}),
        (Chat(), {"service_tier": "priority"}, {"service_tier": "priority"}),
        (Chat(), {"service_tier": "auto"}, {}),
        (Responses(), {"max_output_tokens": 100}, {"max_output_tokens": 100, "min_output_tokens": 16}),
        (Responses(), {"max_output_tokens": 10}, {"max_output_tokens": 10, "min_output_tokens": 10}),
        (Messages(), {"max_tokens": 100}, {"max_output_tokens": 100}),
        (
            Messages(),
            {"max_tokens": 5_000, "thinking": {"type": "enabled", "budget_tokens": 2_000}, "speed": "fast"},
            {"max_output_tokens": 5_000, "min_output_tokens": 2_001, "service_tier": "fast"},
        ),
        (Generate(GEMINI), {"generationConfig": {"maxOutputTokens": 9}}, {"max_output_tokens": 9}),
        (
            Generate(GEMINI),
            {"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2}, "serviceTier": "flex"},
            {"max_output_tokens": 18, "min_output_tokens": 2, "service_tier": "flex"},
        ),
    ],
)
def test_worst_case_is_authorised(dialect: Dialect, body: dict[str, Any], expected: dict[str, Any]) -> None:
    found = authorised(dialect, body)
    assert {name for name in found if name not in expected} == {"provider", "model", "input_leaves"}
    assert {name: found[name] for name in expected} == expected


def test_gemini_names_its_model_in_the_path() -> None:
    assert authorised(Generate(GEMINI), {})["model"] == "gemini-2.5-pro"
    vertex = "projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent"
    assert authorised(Generate(vertex), {})["model"] == "gemini-2.5-pro"


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        ({"messages": []}, ["input"]),
        ({"system": [{"cache_control": {"type": "ephemeral"}}]}, ["input", "cache_read", "cache_write_5m"]),
        ({"system": [{"cache_control": {"ttl": "1h"}}]}, ["input", "cache_read", "cache_write_1h"]),
    ],
)
def test_cache_prices_are_held_only_for_requests_that_cache(body: dict[str, Any], leaves: list[str]) -> None:
    assert authorised(Messages(), body)["input_leaves"] == leaves


def test_options_reach_the_authorisation() -> None:
    image = {"messages": [{"content": [{"type": "image"}]}]}
    found = Messages().arguments(
        {"model": "m", **image},
        {"input_tokens": 77, "user": "u", "tools": {"web_search": 2}, "provider": "bedrock", "min_output_tokens": 9},
    )
    assert (found["input_tokens"], found["user"], found["tools"]) == (77, "u", {"web_search": 2})
    assert (found["provider"], found["min_output_tokens"]) == ("bedrock", 9)
    assert found["input_leaves"] == ["input", "input_image"]


@pytest.mark.parametrize(
    ("dialect", "body", "sent"),
    [
        (Chat(), {"max_tokens": 900}, {"max_tokens": 200}),
        (Chat(), {}, {"max_completion_tokens": 200}),
        (Chat(), {"max_tokens": 900, "max_completion_tokens": 900}, {"max_tokens": 200, "max_completion_tokens": 200}),
        (Chat(), {"n": 3}, {"n": 3, "max_completion_tokens": 66}),
        (
            Chat(),
            {"stream": True, "stream_options": {"include_obfuscation": False}},
            {
                "stream": True,
                "max_completion_tokens": 200,
                "stream_options": {"include_obfuscation": False, "include_usage": True},
            },
        ),
        (Responses(), {"max_output_tokens": 900}, {"max_output_tokens": 200}),
        (Messages(), {"max_tokens": 900}, {"max_tokens": 200}),
        (Generate(GEMINI), {"contents": []}, {"contents": [], "generationConfig": {"maxOutputTokens": 200}}),
        (
            Generate(GEMINI),
            {"generationConfig": {"maxOutputTokens": 900, "candidateCount": 2, "topK": 1}},
            {"generationConfig": {"maxOutputTokens": 100, "candidateCount": 2, "topK": 1}},
        ),
    ],
)
def test_no_more_is_asked_of_the_provider_than_is_authorised(
    dialect: Dialect, body: dict[str, Any], sent: dict[str, Any]
) -> None:
    before = repr(body)
    assert dialect.clamped(body, 200) == sent
    assert repr(body) == before
