"""Group commit: who waits joins the next batch, which is one statement and one commit; answers go out after it.

One batch is under way at a time. Each organisation has a queue of its own and batches take from all of them in turn, so
that a busy one fills neither the queue nor the batches of another.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol

import psycopg
import structlog

log = structlog.get_logger("lane")
BATCH = 96  # operations; larger ones bring little and make everybody wait longer
QUEUE = 1000  # operations of one organisation that wait
PATIENCE = 2.0  # seconds in the queue; then the caller is told to come again, and nothing was done
LONGEST = 5.0  # seconds a batch may take


class Job(Protocol):
    """One operation. Of those with a mark in common only one is in a batch: the next is decided on what it left."""

    organisation: int
    marks: frozenset[str]


class Busy(Exception):
    """Nothing was done: too many wait."""


class Unknown(Exception):
    """The database did not answer: whether it was done is not known. The same key finds out."""


class _Waiting(NamedTuple):
    job: Any
    answer: "asyncio.Future[Any]"
    since: float


class Coalescer:
    """`carry_out(jobs)` does a batch and returns what became of each, in order; an exception in place of one is
    raised to its caller. It may be called again with the same jobs: each carries a key of its own."""

    def __init__(self, carry_out: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]) -> None:
        self._carry_out = carry_out
        self._queues: dict[int, deque[_Waiting]] = {}
        self._task: asyncio.Task[None] | None = None

    async def submit(self, job: Job) -> Any:
        """What became of `job`. Raises `Busy`, `Unknown`, or what carrying it out raised."""
        queue = self._queues.setdefault(job.organisation, deque())
        if len(queue) >= QUEUE:
            raise Busy()
        answer = asyncio.get_running_loop().create_future()
        queue.append(_Waiting(job, answer, time.monotonic()))
        if self._task is None:
            # A task of its own: a caller that hangs up cancels itself, never the batch it is in.
            self._task = asyncio.ensure_future(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._queues:
                await asyncio.sleep(0)  # let every request that has been read from a socket join
                if batch := self._take():
                    await self._send(batch)
        finally:
            self._task = None

    def _take(self) -> list[_Waiting]:
        """The next batch: from every organisation in turn, in the order of arrival within one."""
        batch: list[_Waiting] = []
        marks: set[str] = set()
        blocked: dict[int, deque[_Waiting]] = {}
        while self._queues and len(batch) < BATCH:
            organisation, queue = next(iter(self._queues.items()))
            del self._queues[organisation]
            waiting = queue.popleft()
            if time.monotonic() - waiting.since > PATIENCE:
                _raise(waiting, Busy())
            elif marks.isdisjoint(waiting.job.marks):
                marks |= waiting.job.marks
                batch.append(waiting)
            else:
                queue.appendleft(waiting)
                blocked[organisation] = queue
                continue
            if queue:
                self._queues[organisation] = queue  # at the end: the others come first
        self._queues = blocked | self._queues
        return batch

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = await self._tried([waiting.job for waiting in batch])
        except Exception as error:
            await self._failed(batch, error)
            return
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                _raise(waiting, outcome)
            elif not waiting.answer.done():
                waiting.answer.set_result(outcome)

    async def _tried(self, jobs: list[Any]) -> Sequence[Any]:
        """Carry a batch out, once more where the connection was lost: after a restart the first use finds it gone."""
        try:
            async with asyncio.timeout(LONGEST):
                return await self._carry_out(jobs)
        except psycopg.OperationalError as error:
            if not _lost(error):
                raise
        async with asyncio.timeout(LONGEST):
            return await self._carry_out(jobs)

    async def _failed(self, batch: list[_Waiting], error: Exception) -> None:
        """One operation that the database refuses must not fail those that happened to be beside it."""
        away = isinstance(error, (psycopg.OperationalError, TimeoutError))
        if away or len(batch) == 1:
            log.error("a batch failed", operations=len(batch), error=repr(error))
            for waiting in batch:
                _raise(waiting, Unknown() if away else error)
            return
        log.error("a batch failed and is tried one by one", operations=len(batch), error=repr(error))
        for waiting in batch:
            await self._send([waiting])


def _lost(error: psycopg.OperationalError) -> bool:
    """Whether the connection is gone: no word from the server, or its last one (57P..: it is shut down)."""
    return error.sqlstate is None or error.sqlstate.startswith("57P")


def _raise(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():  # a caller that went away left a cancelled future
        waiting.answer.set_exception(error)
