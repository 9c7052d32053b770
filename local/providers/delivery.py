"""Sending an answer at its pace, whole or as events; cutting it off where a fault says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from local.providers.faults import Fault
from local.providers.journal import Entry
from local.providers.pace import Beat


class _Cut(Exception):
    """The stream ends here. `orderly`: as if it were complete."""

    def __init__(self, orderly: bool) -> None:
        super().__init__()
        self.orderly = orderly


class Player:
    """Plays the beats of one answer: the thoughts, then the text, each part when it is due."""

    def __init__(self, beats: tuple[Beat, ...], fault: Fault | None, entry: Entry) -> None:
        self._beats, self._entry = beats, entry
        self._begun = asyncio.get_running_loop().time()
        self._fault = fault if fault and fault.name in ("cut", "short") else None
        self._cut_at = int(len(beats) * self._fault.after) if self._fault else None

    async def thoughts(self) -> AsyncIterator[Beat]:
        """The parts of the reasoning."""
        async for beat in self._play(thought=True):
            yield beat

    async def text(self) -> AsyncIterator[Beat]:
        """The parts of the visible text."""
        async for beat in self._play(thought=False):
            yield beat
        if self._fault:
            raise _Cut(self._fault.name == "short")

    async def _play(self, *, thought: bool) -> AsyncIterator[Beat]:
        for number, beat in enumerate(self._beats):
            if beat.thought is not thought:
                continue
            if self._fault and number == self._cut_at:
                raise _Cut(self._fault.name == "short")
            await self._wait_until(beat.due)
            self._entry.sent_tokens = beat.tokens
            yield beat

    async def _wait_until(self, due: float) -> None:
        seconds = self._begun + due - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, seconds))


def event(data: Mapping[str, Any], name: str = "") -> bytes:
    """A server-sent event with JSON data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


class EventStream(StreamingResponse):
    """A stream of events. A cut leaves it without its end; a caller who goes away ends it."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], entry: Entry, headers: Mapping[str, str]) -> None:
        super().__init__(events, headers={"cache-control": "no-cache", **headers})
        self._entry = entry

    async def stream_response(self, send: Send) -> None:
        """Send the events; what was sent stands in the journal however it ends."""
        self._entry.ended = "cancelled"
        try:
            await super().stream_response(send)
            self._entry.ended = "complete"
        except _Cut as cut:
            self._entry.ended = "short" if cut.orderly else "cut"
            if cut.orderly:
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def whole(player: Player, body: Mapping[str, Any], entry: Entry, headers: Mapping[str, str]) -> Response:
    """The answer in one piece, once all of it is due."""
    response = JSONResponse(body, headers=dict(headers))
    try:
        async for _ in player.thoughts():
            pass
        async for _ in player.text():
            pass
    except _Cut:
        entry.ended = "cut"
        return _Half(response)
    entry.ended = "complete"
    return response


class _Half(Response):
    """The first half of another response; then the connection is closed."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is; returning without the rest makes the server close the connection."""
        headers, body = self._response.raw_headers, bytes(self._response.body)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
