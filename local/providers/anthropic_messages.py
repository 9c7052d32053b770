"""Anthropic: POST /anthropic/v1/messages and its count_tokens."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from starlette.responses import JSONResponse, Response

from local.providers import catalogue
from local.providers.anthropic_blocks import of_tools
from local.providers.anthropic_usage import at_end, at_start, of_message
from local.providers.calls import Call, Wish, count
from local.providers.delivery import EventStream, event, whole
from local.providers.errors import Kind, Refused
from local.providers.reception import Arrival
from local.providers.usage import Usage

_SIGNATURE = "bG9jYWw="


class _Prompt(msgspec.Struct, kw_only=True):
    model: str
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    system: str | list[dict[str, Any]] | None = None
    tools: list[Any] | None = None

    def parts(self) -> list[Any]:
        return [self.system, self.messages, self.tools]


class _Thinking(msgspec.Struct):
    type: str


class _Body(_Prompt, kw_only=True):
    max_tokens: Annotated[int, msgspec.Meta(ge=1)]
    stream: bool | None = None
    thinking: _Thinking | None = None


def check_version(arrival: Arrival) -> None:
    """Raises Refused without `anthropic-version`; any date is taken, SDKs differ in it."""
    if "anthropic-version" not in arrival.request.headers:
        raise Refused(Kind.MALFORMED, "anthropic-version: header is required")


async def count_tokens(arrival: Arrival) -> Response:
    """The input tokens that the same request would be told."""
    check_version(arrival)
    body = await arrival.body(_Prompt)
    catalogue.find(arrival.provider, body.model)
    arrival.entry.model, arrival.entry.ended = body.model, "complete"
    return JSONResponse({"input_tokens": count(body.parts())})


async def create(arrival: Arrival) -> Response:
    """Answer with a message, whole or as events."""
    check_version(arrival)
    body = await arrival.body(_Body)
    wish = Wish(
        model=body.model,
        prompt=body.parts(),
        limit=body.max_tokens,
        stream=bool(body.stream),
        thinks=body.thinking is not None and body.thinking.type != "disabled",
        tools=frozenset({"web_search", "web_fetch", "code_execution"}),
    )
    call = await arrival.call(wish)
    headers = {"request-id": f"req_{call.id}"}
    if wish.stream:
        return EventStream(_events(call, _message(call)), call.entry, headers)
    return await whole(call.player, _message(call), call.entry, headers)


def _message(call: Call) -> dict[str, Any]:
    told = of_message(call)
    return {
        "id": f"msg_{call.id}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": _content(call),
        "stop_reason": "max_tokens" if call.answer.limited else "end_turn",
        "stop_sequence": None,
    } | ({} if told is None else {"usage": told})


def _content(call: Call) -> list[dict[str, Any]]:
    reasoning = call.answer.reasoning
    thought = {"type": "thinking", "thinking": reasoning.text, "signature": _SIGNATURE}
    text = {"type": "text", "text": call.answer.visible.text, "citations": None}
    return [*([thought] if reasoning.tokens else []), *of_tools(call), text]


async def _events(call: Call, message: dict[str, Any]) -> AsyncIterator[bytes]:
    told: Usage | None = message.pop("usage", None)
    start = {**message, "content": [], "stop_reason": None}
    yield _event("message_start", message=start | ({} if told is None else {"usage": at_start(told)}))
    yield _event("ping")
    for index, block in enumerate(message["content"]):
        async for sent in _block(call, index, block):
            yield sent
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=ending, **({} if told is None else {"usage": at_end(told)}))
    yield _event("message_stop")


async def _block(call: Call, index: int, block: dict[str, Any]) -> AsyncIterator[bytes]:
    """The events of a content block; thinking and text come piece by piece."""

    def delta(**values: Any) -> bytes:
        return _event("content_block_delta", index=index, delta=values)

    empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}}.get(block["type"], {})
    yield _event("content_block_start", index=index, content_block={**block, **empty})
    if block["type"] == "thinking":
        async for beat in call.player.thoughts():
            yield delta(type="thinking_delta", thinking=beat.text)
        yield delta(type="signature_delta", signature=_SIGNATURE)
    if block["type"] == "text":
        async for beat in call.player.text():
            yield delta(type="text_delta", text=beat.text)
    yield _event("content_block_stop", index=index)


def _event(kind: str, **values: Any) -> bytes:
    return event({"type": kind, **values}, kind)
