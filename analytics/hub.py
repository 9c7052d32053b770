"""Live figures for many open pages of one process: read once per organisation, handed to all who watch.

A watcher costs a coroutine and no connection: neither to PostgreSQL nor to Valkey.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import redis.asyncio as redis
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings

from common import live

log = structlog.get_logger("live")

LOOK_AGAIN = 10  # seconds without a note after which figures are read anyway: notes may be lost
APART = timedelta(milliseconds=500)  # between two readings, so at most two updates a second
AT_ONCE = 2  # readings of one process that may use the database at the same time

# Reads an organisation's page as named parts of HTML; called in a thread, gives its database connection back.
Reader = Callable[[int], Mapping[str, str]]


class Room:
    """The watchers of one organisation and what they are shown. Lives in one event loop."""

    def __init__(self, organisation_id: int, read: Reader, threads: ThreadPoolExecutor) -> None:
        self.organisation_id = organisation_id
        self.watchers = 0
        self.parts: dict[str, tuple[int, str]] = {}  # the text of each part, and the version that brought it
        self.version = 0
        self.ended = False
        self._read = read
        self._threads = threads
        self._news = asyncio.Condition()
        self._noted = asyncio.Event()
        self._tasks = [asyncio.create_task(self._keep_reading()), asyncio.create_task(self._keep_listening())]

    async def changes(self, seen: int) -> tuple[int, dict[str, str]]:
        """Wait for something newer than version `seen`; the parts that changed since. Empty: the room has ended."""
        async with self._news:
            await self._news.wait_for(lambda: self.version > seen or self.ended)
            if self.ended:
                return seen, {}
            return self.version, {name: text for name, (version, text) in self.parts.items() if version > seen}

    async def end(self) -> None:
        """Send the watchers away; they connect again, and are asked again who they are."""
        for task in self._tasks:
            task.cancel()
        async with self._news:
            self.ended = True
            self._news.notify_all()

    async def _keep_reading(self) -> None:
        while True:
            self._noted.clear()  # before reading: a note that comes meanwhile asks for another reading
            try:
                read = sync_to_async(self._read, thread_sensitive=False, executor=self._threads)
                parts = await read(self.organisation_id)
            except Exception:
                log.exception("live figures not read", organisation=self.organisation_id)
            else:
                await self._show(parts)
            await asyncio.sleep(APART.total_seconds())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._noted.wait(), LOOK_AGAIN)

    async def _show(self, parts: Mapping[str, str]) -> None:
        async with self._news:
            self.version += 1
            for name, text in parts.items():
                if self.parts.get(name, (0, ""))[1] != text:
                    self.parts[name] = (self.version, text)
            self._news.notify_all()

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except (redis.RedisError, OSError) as error:
                log.warning("no notes from Valkey", error=str(error))
            await asyncio.sleep(1)

    async def _listen(self) -> None:
        async with redis.Redis.from_url(settings.REDIS_URL) as valkey, valkey.pubsub() as notes:
            await notes.subscribe(live.channel(self.organisation_id))
            self._noted.set()  # what changed before the subscription stood
            async for message in notes.listen():
                if message["data"] == live.CLOSE:
                    asyncio.get_running_loop().create_task(self.end())
                elif message["type"] == "message":
                    self._noted.set()


class Hub:
    """The rooms of one process."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._rooms: dict[int, Room] = {}
        # Threads of its own: a reading that nobody waits for any more still keeps its connection until it is done.
        self._threads = ThreadPoolExecutor(AT_ONCE, "live")

    async def watch(self, organisation_id: int) -> AsyncIterator[dict[str, str]]:
        """The parts of an organisation's live page: all of them first, then each that changes."""
        room = self._enter(organisation_id)
        seen = 0
        try:
            while not room.ended:
                seen, parts = await room.changes(seen)
                if parts:
                    yield parts
        finally:
            await self._leave(room)

    def _enter(self, organisation_id: int) -> Room:
        room = self._rooms.get(organisation_id)
        if room is None or room.ended:
            room = self._rooms[organisation_id] = Room(organisation_id, self._read, self._threads)
        room.watchers += 1
        return room

    async def _leave(self, room: Room) -> None:
        room.watchers -= 1
        if room.watchers == 0:
            if self._rooms.get(room.organisation_id) is room:
                del self._rooms[room.organisation_id]
            await room.end()
