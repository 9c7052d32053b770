"""An agent's day: draw a task, pay for it, read the answer, rest; whatever happens, go on."""

import asyncio
import logging
import random
from collections.abc import Awaitable
from contextlib import aclosing
from decimal import Decimal

from billing_client import BillingError, InsufficientCredits

from local.simulation.agents import Agent
from local.simulation.billing import AgentBilling
from local.simulation.calls import Sdks
from local.simulation.config import Config
from local.simulation.switch import Paused, Switch
from local.simulation.tasks import OFTEN, Task, draw

_ENDED_ELSEWHERE = "already_ended"
_WORTH_GOING_ON = Decimal("0.01")
_ASK_EVERY = 6.0
_LONGEST_BACKOFF = 30.0
log = logging.getLogger("simulation.worker")


class Worker:
    """One agent at work."""

    def __init__(self, agent: Agent, config: Config, switch: Switch) -> None:
        self._agent, self._switch = agent, switch
        self._billing = AgentBilling(config.api_url, config.keys[agent.slug], switch)
        self._sdks = Sdks(self._billing, config.providers_url)
        self._generation, self._dice = -1, random.Random()
        self._failures = 0

    async def work(self) -> None:
        """For ever: nothing that goes wrong with a call ends the agent."""
        try:
            while True:
                await self._switch.until_running()
                begun = asyncio.get_running_loop().time()
                await self._guarded(self._attempt(self._next_task()))
                await self._rest_since(begun)
        finally:
            await self._sdks.close()
            await self._billing.close()

    def _next_task(self) -> Task:
        wishes = self._switch.wishes
        if wishes.generation != self._generation:
            self._generation = wishes.generation
            self._dice = random.Random(f"{wishes.seed}/{wishes.generation}/{self._agent.slug}")
        return draw(self._agent, wishes.speed, self._dice)

    async def _rest_since(self, begun: float) -> None:
        took = (asyncio.get_running_loop().time() - begun) * OFTEN[self._switch.wishes.speed]
        await self._switch.rest(self._agent.every * self._dice.uniform(0.6, 1.4) - took)

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Let `work` fail with no more than a line in the log, and a wait that grows with each failure in a row."""
        try:
            await work
            self._failures = 0
        except Paused:
            pass
        except Exception as error:
            self._note(error)
            if not _is_ended_elsewhere(error):
                self._failures += 1
                await asyncio.sleep(min(0.25 * 2.0**self._failures, _LONGEST_BACKOFF))

    async def _attempt(self, task: Task) -> None:
        """Do the task; where the credits don't reach, a smaller one; where they don't reach for that, wait for more."""
        try:
            await self._do(task)
        except InsufficientCredits as refusal:
            await self._make_do(task, refusal)

    async def _make_do(self, task: Task, refusal: InsufficientCredits) -> None:
        smaller = task.shrunk(_share_that_can_be_paid(refusal))
        try:
            if smaller:
                return await self._do(smaller)
        except InsufficientCredits as second:
            refusal = second  # others were quicker
        return await self._wait_for_credits(refusal.available or Decimal(0))

    async def _do(self, task: Task) -> None:
        events = await self._sdks.stream(task, self._switch.wishes.speed)
        seen = 0
        async with aclosing(events):  # type: ignore[type-var]  # SDKs promise an iterator, and give a generator
            async for _ in events:
                seen += 1
                if seen == task.patience:
                    break

    async def _wait_for_credits(self, available: Decimal) -> None:
        """Until there is more than `available`: asked of the balance, since each refused call is kept for good."""
        log.info("%s: out of credits at $%s, waiting", self._agent.name, available)
        while self._switch.wishes.running:
            await self._switch.rest(_ASK_EVERY)
            if (await self._billing.balance()).available >= available + _WORTH_GOING_ON:
                return

    def _note(self, error: Exception) -> None:
        words = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        log.warning("%s: %s", self._agent.name, words)


def _share_that_can_be_paid(refusal: InsufficientCredits) -> float:
    """Of what the call needed; a tenth less, since others spend meanwhile."""
    if not (refusal.available and refusal.required):
        return 0.0
    return float(refusal.available / refusal.required) * 0.9


def _is_ended_elsewhere(error: Exception) -> bool:
    """The sandbox started over while the call ran."""
    causes = (error, error.__cause__)
    return any(isinstance(cause, BillingError) and cause.code == _ENDED_ELSEWHERE for cause in causes)
