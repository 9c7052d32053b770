"""What the official SDKs hand over, dumped as their users dump it, is read like the API's own JSON."""

from typing import Any

import pytest
from anthropic.types import Message, RawMessageDeltaEvent, RawMessageStartEvent
from anthropic.types.beta import BetaMessage
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseCompletedEvent, ResponseCreatedEvent
from pydantic import BaseModel

from metering.normalising import normalise
from tests.metering import test_normalising_anthropic as anthropic
from tests.metering import test_normalising_google as google
from tests.metering import test_normalising_openai as openai


def dumped(kind: type[BaseModel], answer: dict[str, Any], **how: Any) -> dict[str, Any]:
    return kind.model_validate(answer).model_dump(mode="json", **how)


def test_openai_chat() -> None:
    answer = openai.completion(openai.CHAT, created=1, service_tier="default")
    found = normalise("openai", dumped(ChatCompletion, answer))
    assert (found.leaves, found.complete, found.flags) == (openai.CHAT_LEAVES, True, ())
    assert (found.model, found.service_tier, found.raw["id"]) == ("gpt-5.6", "standard", "chatcmpl-1")
    chunks = [dumped(ChatCompletionChunk, chunk | {"created": 1}) for chunk in openai.chunks(openai.CHAT)]
    found = normalise("openai", chunks)
    assert (found.leaves, found.complete, found.service_tier) == (openai.CHAT_LEAVES, True, "standard")
    assert normalise("openai", chunks[:-1]).complete is False


def test_openai_responses() -> None:
    usage = openai.SUBSETS | {"input_tokens_details": {"cached_tokens": 672256, "cache_write_tokens": 0}}
    leaves = openai.SUBSETS_LEAVES | {"cache_write": 0, "web_search": 1}
    search = openai.SEARCH | {"id": "ws_1"}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed"}
    message |= {"content": [{"type": "output_text", "text": "Hello", "annotations": []}]}
    more = {"created_at": 1, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "service_tier": "flex"}
    whole = openai.response(usage) | more | {"output": [message, search]}
    found = normalise("openai", dumped(Response, whole))
    assert (found.leaves, found.complete, found.flags) == (leaves, True, ())
    assert found.service_tier == "flex"
    begun = whole | {"usage": None, "output": [], "status": "in_progress", "service_tier": "auto"}
    events = [
        dumped(ResponseCreatedEvent, {"type": "response.created", "sequence_number": 0, "response": begun}),
        dumped(ResponseCompletedEvent, {"type": "response.completed", "sequence_number": 1, "response": whole}),
    ]
    found = normalise("openai", events)
    assert (found.leaves, found.complete, found.service_tier) == (leaves, True, "flex")
    assert normalise("openai", events[:1]).complete is False


@pytest.mark.parametrize("kind", [Message, BetaMessage])
def test_anthropic(kind: type[BaseModel]) -> None:
    answer = anthropic.whole(anthropic.EVERYTHING)
    found = normalise("anthropic", dumped(kind, answer))
    assert found.leaves == normalise("anthropic", answer).leaves
    assert (found.complete, found.service_tier, found.flags) == (True, "priority", ())


def test_anthropic_stream() -> None:
    start = anthropic.EVERYTHING | {"output_tokens": 1, "output_tokens_details": None}
    delta = {"output_tokens": 50, "output_tokens_details": {"thinking_tokens": 20}}
    raw = anthropic.events(start, delta)
    events = [dumped(RawMessageStartEvent, raw[0]), *raw[1:3], dumped(RawMessageDeltaEvent, raw[3])]
    found = normalise("anthropic", events)
    assert found.leaves == normalise("anthropic", anthropic.EVERYTHING).leaves
    assert (found.complete, found.service_tier, found.model) == (True, "priority", "claude-opus-4-6")
    cut = normalise("anthropic", events[:-1])
    assert (cut.complete, "output" in cut.leaves) == (False, False)


@pytest.mark.parametrize("how", [{}, {"by_alias": True}, {"exclude_none": True}])
def test_google(how: dict[str, Any]) -> None:
    usage = google.EVERYTHING | {"trafficType": "ON_DEMAND_FLEX"}
    answer = google.answer(usage, groundingMetadata={"webSearchQueries": ["a", "b"]})
    found = normalise("google", dumped(GenerateContentResponse, answer, **how))
    assert found.leaves == google.LEAVES | {"web_search": 1}
    assert (found.complete, found.service_tier, found.model) == (True, "flex", "gemini-2.5-pro")
    assert found.flags == ()
    begun = google.answer({"trafficType": "ON_DEMAND_FLEX"}, finish=None)
    chunks = [dumped(GenerateContentResponse, chunk, **how) for chunk in (begun, answer)]
    assert normalise("google", chunks).leaves == google.LEAVES | {"web_search": 1}
    assert normalise("google", chunks[:1]).complete is False
