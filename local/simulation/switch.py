"""What the agents shall do, as they know it; and what of it they have obeyed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from local.simulation.tasks import OFTEN

_SLICE = 0.1


class Paused(Exception):
    """The agents were paused before this call was authorised: nothing was asked, nothing is owed."""


@dataclass(frozen=True)
class Wishes:
    """`speed` is one of the known ones. `seed` and `generation` together make a run repeatable. `revision` counts the
    changes; it is told back once they are obeyed."""

    running: bool = False
    speed: int = 1
    seed: int = 1
    generation: int = 0
    revision: int = 0

    @classmethod
    def read(cls, raw: Mapping[str, str]) -> "Wishes":
        """What stands in Valkey; where nothing does, agents stand still. Raises ValueError for nonsense."""
        numbers = {name: int(raw[name]) for name in ("speed", "seed", "generation", "revision") if name in raw}
        if numbers.get("speed", 1) not in OFTEN:
            raise ValueError(f"no such speed: {numbers['speed']}")
        return cls(running=raw.get("running") == "1", **numbers)


class Switch:
    """Shared by the agents, changed by one listener."""

    def __init__(self) -> None:
        self.wishes = Wishes()
        self._running = asyncio.Event()
        self._asking = 0  # requests for money that are on their way
        self._nobody_asks = asyncio.Event()
        self._nobody_asks.set()

    def change(self, wishes: Wishes) -> None:
        self.wishes = wishes
        (self._running.set if wishes.running else self._running.clear)()

    async def obeyed(self) -> None:
        """Return once all agents do as they were told: paused ones may still have asked for money just before."""
        if not self.wishes.running:
            await self._nobody_asks.wait()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Around a request for money. Raises Paused instead of letting one begin."""
        if not self.wishes.running:
            raise Paused
        self._asking += 1
        self._nobody_asks.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._nobody_asks.set()

    async def until_running(self) -> None:
        await self._running.wait()

    async def rest(self, seconds: float) -> None:
        """Wait so many seconds of speed 1; a change of speed counts at once, and so does a pause, which ends it."""
        while seconds > 0 and self.wishes.running:
            often = OFTEN[self.wishes.speed]
            slept = min(_SLICE, seconds / often)
            await asyncio.sleep(slept)
            seconds -= slept * often
