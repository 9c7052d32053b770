"""Gemini: generateContent, streamGenerateContent and countTokens, under /google/v1 and /google/v1beta."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import JSONResponse, Response

from local.providers import catalogue
from local.providers.calls import Call, Wish, count
from local.providers.delivery import EventStream, event, whole
from local.providers.errors import Kind, Refused
from local.providers.google_body import read
from local.providers.google_parts import metadata, of_tools
from local.providers.google_usage import of_content, so_far
from local.providers.reception import Arrival
from local.providers.usage import Usage


async def count_tokens(arrival: Arrival) -> Response:
    """The prompt tokens that the same request would be told."""
    body = await read(arrival)
    model = arrival.request.path_params["model"]
    catalogue.find(arrival.provider, model)
    arrival.entry.model, arrival.entry.ended = model, "complete"
    return JSONResponse({"totalTokens": count(body.parts())})


async def stream(arrival: Arrival) -> Response:
    """Answer in chunks. Raises Refused without `alt=sse`: the list that Gemini sends then is not made here."""
    if arrival.request.query_params.get("alt") != "sse":
        raise Refused(Kind.MALFORMED, "Only alt=sse streams here.")
    return await _answer(arrival, stream=True)


async def generate(arrival: Arrival) -> Response:
    """Answer in one piece."""
    return await _answer(arrival, stream=False)


async def _answer(arrival: Arrival, *, stream: bool) -> Response:
    body = await read(arrival)
    config = body.generation_config
    wish = Wish(
        model=arrival.request.path_params["model"],
        prompt=body.parts(),
        limit=config.max_output_tokens,
        stream=stream,
        thinks=config.thinking_config.wanted(),
        tools=frozenset({"web_search", "web_fetch", "code_execution"}),
    )
    call = await arrival.call(wish)
    tier = call.tier or (body.service_tier or "standard").lower()
    told = of_content(call, tier)
    shown = config.thinking_config.include_thoughts
    headers = {"x-gemini-service-tier": tier}
    if stream:
        return EventStream(_chunks(call, told, shown), call.entry, headers)
    return await whole(call.player, _response(call, _parts(call, shown), told, last=True), call.entry, headers)


def _parts(call: Call, thoughts_shown: bool) -> list[dict[str, Any]]:
    answer = call.answer
    thought = [_thought(answer.reasoning.text)] if thoughts_shown and answer.reasoning.tokens else []
    return [*thought, *of_tools(call), {"text": answer.visible.text}]


def _thought(text: str) -> dict[str, Any]:
    return {"text": text, "thought": True}


def _response(call: Call, parts: list[dict[str, Any]], told: Usage | None, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate |= {"finishReason": "MAX_TOKENS" if call.answer.limited else "STOP", **metadata(call)}
    body = {"candidates": [candidate], "modelVersion": call.model, "responseId": call.id}
    return body | ({} if told is None else {"usageMetadata": told})


async def _chunks(call: Call, told: Usage | None, thoughts_shown: bool) -> AsyncIterator[bytes]:
    async for beat in call.player.thoughts():
        if thoughts_shown:
            yield event(_response(call, [_thought(beat.text)], so_far(call, told, beat.tokens), last=False))
    async for beat in call.player.text():
        yield event(_response(call, [{"text": beat.text}], so_far(call, told, beat.tokens), last=False))
    yield event(_response(call, [*of_tools(call), {"text": ""}], told, last=True))
