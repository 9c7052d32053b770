"""Group commit without a database: turns, bounds, failures; nobody waits for ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from metering.lane import coalescer
from metering.lane.coalescer import Busy, Coalescer, Unknown


@dataclass
class Job:
    organisation: int
    name: str
    marks: frozenset[str] = field(default_factory=frozenset)


class Ledger:
    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def carry_out(self, jobs: Sequence[Job]) -> list[Any]:
        self.batches.append([job.name for job in jobs])
        await self.gate.wait()
        if len(jobs) > 1 and any(job.name == "poison" for job in jobs):
            raise psycopg.DataError("poison")
        return [ValueError("bad") if job.name in ("bad", "poison") else job.name.upper() for job in jobs]


async def outcomes(group: Coalescer, *jobs: Job) -> list[Any]:
    return await asyncio.gather(*(group.submit(job) for job in jobs), return_exceptions=True)


def test_those_who_come_at_once_share_a_batch() -> None:
    async def work() -> None:
        ledger = Ledger()
        assert await outcomes(Coalescer(ledger.carry_out), *(Job(1, name) for name in "abc")) == ["A", "B", "C"]
        assert ledger.batches == [["a", "b", "c"]]

    asyncio.run(work())


def test_a_busy_organisation_leaves_every_other_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "BATCH", 4)

    async def work() -> None:
        ledger = Ledger()
        await outcomes(Coalescer(ledger.carry_out), *(Job(1, f"n{i}") for i in range(9)), Job(2, "quiet"))
        assert ledger.batches[0] == ["n0", "quiet", "n1", "n2"]

    asyncio.run(work())


def test_one_organisations_queue_is_full_for_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "QUEUE", 3)

    async def work() -> None:
        ledger = Ledger()
        found = await outcomes(Coalescer(ledger.carry_out), *(Job(1, f"n{i}") for i in range(5)), Job(2, "quiet"))
        assert [type(f) for f in found] == [str, str, str, Busy, Busy, str]

    asyncio.run(work())


def test_equal_marks_never_share_a_batch() -> None:
    async def work() -> None:
        ledger = Ledger()
        same = frozenset(("key",))
        await outcomes(Coalescer(ledger.carry_out), Job(1, "a", same), Job(1, "b", same), Job(2, "c"))
        assert ledger.batches == [["a", "c"], ["b"]]

    asyncio.run(work())


def test_poison_harms_nobody_else() -> None:
    async def work() -> None:
        ledger = Ledger()
        found = await outcomes(Coalescer(ledger.carry_out), Job(1, "a"), Job(1, "poison"), Job(2, "b"))
        assert (found[0], found[2]) == ("A", "B")
        assert isinstance(found[1], ValueError)
        assert await Coalescer(ledger.carry_out).submit(Job(1, "z")) == "Z"

    asyncio.run(work())


def test_who_waited_too_long_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "PATIENCE", 0.02)

    async def work() -> None:
        ledger = Ledger()
        group = Coalescer(ledger.carry_out)
        ledger.gate.clear()
        first = asyncio.ensure_future(group.submit(Job(1, "a")))
        await asyncio.sleep(0.01)
        late = asyncio.ensure_future(group.submit(Job(1, "late")))
        await asyncio.sleep(0.05)
        ledger.gate.set()
        assert await first == "A"
        with pytest.raises(Busy):
            await late
        assert ledger.batches == [["a"]]

    asyncio.run(work())


def test_a_database_that_is_away_is_tried_once_more_and_then_said() -> None:
    async def work() -> None:
        tries = []

        async def away(jobs: Sequence[Job]) -> list[Any]:
            tries.append(len(jobs))
            raise psycopg.OperationalError("gone")

        found = await outcomes(Coalescer(away), Job(1, "a"), Job(2, "b"))
        assert [type(f) for f in found] == [Unknown, Unknown]
        assert tries == [2, 2]

    asyncio.run(work())


def test_a_batch_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "LONGEST", 0.02)

    async def work() -> None:
        async def hang(jobs: Sequence[Job]) -> list[Any]:
            await asyncio.sleep(60)
            return []

        group = Coalescer(hang)
        with pytest.raises(Unknown):
            await group.submit(Job(1, "a"))

    asyncio.run(work())


def test_a_cancelled_caller_takes_nobody_along() -> None:
    async def work() -> None:
        ledger = Ledger()
        group = Coalescer(ledger.carry_out)
        ledger.gate.clear()
        gone, stays = (asyncio.ensure_future(group.submit(Job(1, name))) for name in ("gone", "stays"))
        await asyncio.sleep(0.01)
        gone.cancel()
        ledger.gate.set()
        assert await stays == "STAYS"
        assert await group.submit(Job(1, "next")) == "NEXT"

    asyncio.run(work())
