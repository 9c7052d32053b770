"""Many people with the live page open, as a process of its own: `python -m benchmarks.watchers PORT COOKIE PATH…`.

Obeys lines on its standard input and answers each with a line of JSON: `open N` (N streams at all times; those cut off
connect again), `report` (what they got since the last report), `shown` (the newest balance, and on how many streams).
"""

import asyncio
import itertools
import json
import re
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

RETRY = 2.0  # seconds, as the stream itself tells a browser
EVENT = re.compile(rb"event: (\w+)\n(.*)", re.DOTALL)
BALANCE = re.compile(rb'title="([\d.]+) ')  # the exact one, in the page's first figure


@dataclass
class Watcher:
    """One open stream; `updates` counts what was sent at once."""

    updates: int = 0
    bytes: int = 0
    connected: int = 0
    balance: str = ""
    heard: float = 0.0
    silence: float = 0.0


@dataclass
class Crowd:
    port: int
    cookie: str
    paths: "itertools.cycle[str]"
    watchers: list[Watcher] = field(default_factory=list)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    seen: dict[tuple[str, bytes], list[float]] = field(default_factory=lambda: defaultdict(list))

    async def obey(self, line: str) -> dict[str, Any]:
        command, *arguments = line.split()
        if command == "open":
            return await self.open(int(arguments[0]))
        return self.report() if command == "report" else self.shown()

    async def open(self, count: int) -> dict[str, Any]:
        begun = time.perf_counter()
        for task in self.tasks[count:]:
            task.cancel()
        del self.tasks[count:], self.watchers[count:]
        while len(self.tasks) < count:
            watcher = Watcher()
            self.watchers.append(watcher)
            self.tasks.append(asyncio.create_task(self.watch(watcher, next(self.paths))))
        while any(not watcher.balance for watcher in self.watchers):
            await asyncio.sleep(0.01)
        return {"seconds": time.perf_counter() - begun}

    def report(self) -> dict[str, Any]:
        now = time.perf_counter()
        updates = [watcher.updates for watcher in self.watchers]
        apart = [max(times) - min(times) for times in self.seen.values() if len(times) == len(self.watchers)]
        found = {
            "updates": [min(updates), median(updates), max(updates)] if updates else [0, 0, 0],
            "bytes": sum(watcher.bytes for watcher in self.watchers),
            "silence": max((max(w.silence, now - w.heard) for w in self.watchers), default=0),
            "apart": [median(apart), max(apart)] if apart else [0, 0],
        }
        self.seen.clear()
        for watcher in self.watchers:
            watcher.updates = watcher.bytes = 0
            watcher.silence, watcher.heard = 0.0, now
        return found

    def shown(self) -> dict[str, Any]:
        counted = Counter(watcher.balance for watcher in self.watchers)
        return {"balances": dict(counted), "connected": [watcher.connected for watcher in self.watchers]}

    async def watch(self, watcher: Watcher, path: str) -> None:
        while True:
            with suppress(OSError, EOFError):
                await self.listen(watcher, path)
            watcher.balance = ""  # until it is told anew
            await asyncio.sleep(RETRY)

    async def listen(self, watcher: Watcher, path: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={self.cookie}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.splitlines()[0]:
                raise EOFError(head)
            watcher.connected += 1
            rest = b""
            while received := await reader.read(1 << 18):
                rest = self.take(watcher, path, rest + received, len(received))
        finally:
            writer.close()

    def take(self, watcher: Watcher, path: str, text: bytes, received: int) -> bytes:
        """Note the complete events; returns the beginning of one that isn't."""
        *events, rest = text.split(b"\n\n")
        watcher.bytes += received
        for event in events:
            if found := EVENT.search(event):
                self.note(watcher, path, found[1], found[2])
        return rest

    def note(self, watcher: Watcher, path: str, name: bytes, data: bytes) -> None:
        now = time.perf_counter()
        if name == b"wallet" and (balance := BALANCE.search(data)):
            watcher.balance = balance[1].decode()
        if name == b"asof":
            watcher.silence = max(watcher.silence, now - (watcher.heard or now))
            watcher.heard = now
            watcher.updates += 1
            self.seen[path, data].append(now)


async def main(port: int, cookie: str, paths: list[str]) -> None:
    crowd, loop = Crowd(port, cookie, itertools.cycle(paths)), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await crowd.obey(line)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
