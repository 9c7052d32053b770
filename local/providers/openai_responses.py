"""OpenAI: POST /openai/v1/responses."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from local.providers.calls import Call, Wish
from local.providers.delivery import EventStream, whole
from local.providers.openai_chat import Limit, Tier, served_tier, thinks
from local.providers.openai_events import Events
from local.providers.openai_items import message, of_tools, reasoning, text_part
from local.providers.openai_usage import of_response
from local.providers.reception import Arrival


class _Reasoning(msgspec.Struct):
    effort: str | None = None


class _Body(msgspec.Struct):
    model: str
    input: Annotated[str, msgspec.Meta(min_length=1)] | Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    instructions: str | None = None
    max_output_tokens: Limit | None = None
    stream: bool | None = None
    service_tier: Tier | None = None
    reasoning: _Reasoning | None = None
    tools: list[Any] | None = None


async def create(arrival: Arrival) -> Response:
    """Answer with a response object, whole or as events."""
    body = await arrival.body(_Body)
    wish = Wish(
        model=body.model,
        prompt=[body.input, body.instructions, body.tools],
        limit=body.max_output_tokens,
        stream=bool(body.stream),
        thinks=thinks(body.reasoning.effort if body.reasoning else None),
        tools=frozenset({"web_search", "file_search", "code_execution"}),
    )
    call = await arrival.call(wish)
    headers = {"x-request-id": f"req_{call.id}"}
    begun = _begun(call, body)
    if wish.stream:
        return EventStream(_events(call, begun), call.entry, headers)
    return await whole(call.player, _ended(call, begun, _output(call)), call.entry, headers)


def _begun(call: Call, body: _Body) -> dict[str, Any]:
    """The response object before anything of it is there."""
    return {
        "id": f"resp_{call.id}",
        "object": "response",
        "created_at": call.created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": {},
        "model": call.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": body.reasoning.effort if body.reasoning else None, "summary": None},
        "service_tier": served_tier(call, body.service_tier),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": body.tools or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
    }


def _ended(call: Call, begun: dict[str, Any], output: list[dict[str, Any]]) -> dict[str, Any]:
    result = {**begun, "status": _status(call), "output": output, "usage": of_response(call)}
    if call.answer.limited:
        result["incomplete_details"] = {"reason": "max_output_tokens"}
    if searches := call.answer.tools.get("web_search", 0):
        result["tool_usage"] = {"image_gen": _NO_IMAGES, "web_search": {"num_requests": searches}}
    return result


def _status(call: Call) -> str:
    return "incomplete" if call.answer.limited else "completed"


def _output(call: Call) -> list[dict[str, Any]]:
    thought = [reasoning(call)] if call.answer.reasoning.tokens else []
    return [*thought, *of_tools(call), message(call, call.answer.visible.text, _status(call))]


async def _events(call: Call, begun: dict[str, Any]) -> AsyncIterator[bytes]:
    events = Events()
    ended = _ended(call, begun, _output(call))
    yield events.of("created", response=begun)
    yield events.of("in_progress", response=begun)
    async for _ in call.player.thoughts():
        pass  # the API shows no reasoning, only that there was some
    *before, last = ended["output"]
    for index, item in enumerate(before):
        for sent in events.of_item(item, index):
            yield sent
    place = {"item_id": last["id"], "output_index": len(before), "content_index": 0}
    opened = {**last, "status": "in_progress", "content": []}
    yield events.of("output_item.added", output_index=len(before), item=opened)
    yield events.of("content_part.added", **place, part=text_part(""))
    async for beat in call.player.text():
        yield events.of("output_text.delta", **place, delta=beat.text, logprobs=[])
    text = call.answer.visible.text
    yield events.of("output_text.done", **place, text=text, logprobs=[])
    yield events.of("content_part.done", **place, part=text_part(text))
    yield events.of("output_item.done", output_index=len(before), item=last)
    yield events.of(_status(call), response=ended)


_NO_IMAGES = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
