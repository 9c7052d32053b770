"""OpenAI: POST /openai/v1/chat/completions."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from local.providers.calls import Call, Wish
from local.providers.delivery import EventStream, event, whole
from local.providers.openai_usage import of_chat
from local.providers.reception import Arrival

Limit = Annotated[int, msgspec.Meta(ge=1)]
Tier = Literal["auto", "default", "flex", "scale", "priority", "fast"]


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Body(msgspec.Struct):
    model: str
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    max_completion_tokens: Limit | None = None
    max_tokens: Limit | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    service_tier: Tier | None = None
    reasoning_effort: str | None = None
    tools: list[Any] | None = None
    n: Literal[1] | None = None


async def create(arrival: Arrival) -> Response:
    """Answer with one choice, whole or as chunks."""
    body = await arrival.body(_Body)
    wish = Wish(
        model=body.model,
        prompt=[body.messages, body.tools],
        limit=body.max_completion_tokens or body.max_tokens,
        stream=bool(body.stream),
        thinks=thinks(body.reasoning_effort),
        tools=frozenset({"web_search"}),
    )
    call = await arrival.call(wish)
    headers = {"x-request-id": f"req_{call.id}"}
    common = {
        "id": f"chatcmpl-{call.id}",
        "created": call.created,
        "model": call.model,
        "service_tier": served_tier(call, body.service_tier),
        "system_fingerprint": None,
    }
    if wish.stream:
        include_usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(_chunks(call, common, include_usage), call.entry, headers)
    return await whole(call.player, _completion(call, common), call.entry, headers)


def thinks(effort: str | None) -> bool | None:
    """Whether a reasoning effort makes the model reason; None: as it does by itself."""
    return None if effort is None else effort not in ("none", "minimal")


def served_tier(call: Call, asked: str | None) -> str:
    """The tier in the answer: `auto` becomes default, `fast` shows as priority (SDK, `ChatCompletion.service_tier`)."""
    served = {None: "default", "auto": "default", "fast": "priority"}.get(asked, asked)
    return call.tier or served or "default"


def _completion(call: Call, common: dict[str, Any]) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": call.answer.visible.text,
            "refusal": None,
            "annotations": _citations(call),
        },
        "logprobs": None,
        "finish_reason": _finish(call),
    }
    told = of_chat(call)
    return {**common, "object": "chat.completion", "choices": [choice]} | ({} if told is None else {"usage": told})


async def _chunks(call: Call, common: dict[str, Any], include_usage: bool) -> AsyncIterator[bytes]:
    # With include_usage every chunk but the last has a null in its place (SDK, `ChatCompletionChunk.usage`).
    base = {**common, "object": "chat.completion.chunk"} | ({"usage": None} if include_usage else {})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**base, "choices": [choice]})

    told = of_chat(call)
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    async for _ in call.player.thoughts():
        pass  # reasoning takes time, and nobody sees it
    async for beat in call.player.text():
        yield chunk({"content": beat.text})
    if citations := _citations(call):
        yield chunk({"annotations": citations})
    yield chunk({}, _finish(call))
    if include_usage and told is not None:
        yield event({**base, "choices": [], "usage": told})
    yield b"data: [DONE]\n\n"


def _finish(call: Call) -> str:
    return "length" if call.answer.limited else "stop"


def _citations(call: Call) -> list[dict[str, Any]]:
    """One per search: chat completions say nothing else about them."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 0,
                "end_index": 0,
                "title": f"Page {n}",
                "url": f"https://page-{n}.example/",
            },
        }
        for n in range(1, call.answer.tools.get("web_search", 0) + 1)
    ]
