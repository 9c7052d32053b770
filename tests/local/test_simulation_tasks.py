"""How large the agents' calls are, how often they make them, and what that comes to."""

import asyncio
import random
from decimal import Decimal

import pytest

from local.simulation.agents import AGENTS
from local.simulation.switch import Paused, Switch, Wishes
from local.simulation.tasks import OFTEN, Task, draw
from providers.leaves import Leaf
from providers.price_book import MODELS

BOOK = {model.name: model for model in MODELS}
MARKUP = Decimal("1.1")  # of the plan that the simulation is on
DRAWN = 400


def drawn(speed: int, number: int = DRAWN) -> dict[str, list[Task]]:
    return {agent.slug: [draw(agent, speed, dice) for _ in range(number)] for agent, dice in _dice()}


def _dice() -> list[tuple]:
    return [(agent, random.Random(f"7/{agent.slug}")) for agent in AGENTS]


def cost(task: Task) -> Decimal:
    used = {
        Leaf.INPUT: task.fresh, Leaf.CACHE_READ: task.read, Leaf.CACHE_WRITE_5M: task.written,
        Leaf.OUTPUT: task.output + task.reasoning, Leaf.WEB_SEARCH: task.job.searches,
    }  # fmt: skip
    prices = {leaf: price for leaf, price, above in BOOK[task.job.model].prices if task.prompt > above or not above}
    return sum((prices[leaf] * n for leaf, n in used.items() if n), Decimal(0)) * MARKUP / 1_000_000


def dollars_a_second(speed: int) -> Decimal:
    tasks = drawn(speed)
    each = {agent.slug: sum(map(cost, tasks[agent.slug])) / DRAWN / Decimal(agent.every) for agent in AGENTS}
    return sum(each.values()) * Decimal(OFTEN[speed])


def test_two_hundred_dollars_last_for_hours_and_at_full_speed_for_minutes() -> None:
    lasts = {speed: 200 / dollars_a_second(speed) for speed in OFTEN}
    assert 3 * 3600 < lasts[1] < 6 * 3600
    assert 180 < lasts[60] < 360
    assert 10 * 0.8 < lasts[1] / lasts[10] < 10 * 1.2, "speed is money per time"


def test_the_same_seed_draws_the_same_tasks_and_another_does_not() -> None:
    assert drawn(10, 20) == drawn(10, 20)
    sophi = AGENTS[0]
    assert draw(sophi, 1, random.Random("1")) != draw(sophi, 1, random.Random("2"))


@pytest.mark.parametrize("speed", OFTEN)
def test_every_call_fits_its_model(speed: int) -> None:
    for tasks in drawn(speed).values():
        for task in tasks:
            model = BOOK[task.job.model]
            assert 0 < task.prompt <= model.context
            assert 16 <= task.limit <= model.max_output
            assert task.output + task.reasoning <= task.limit


def test_some_calls_go_wrong_and_most_do_not() -> None:
    faults = [task.fault for tasks in drawn(1, 4000).values() for task in tasks]
    assert {fault.partition(";")[0] for fault in faults} == {"", "429", "500", "cut", "no_usage"}
    assert 0.01 < sum(map(bool, faults)) / len(faults) < 0.05


def test_a_smaller_task_costs_its_share_and_a_tiny_one_is_none() -> None:
    task = drawn(60, 1)["sophi"][0]
    half = task.shrunk(0.5)
    assert half is not None
    assert half.prompt == task.prompt // 2
    assert (half.read, half.written, half.reasoning, half.job.searches) == (0, 0, 0, 0)
    assert task.shrunk(0.0001) is None
    assert task.shrunk(0) is None


@pytest.mark.parametrize("raw", [{"speed": "7"}, {"speed": "x"}, {"generation": ""}])
def test_nonsense_in_the_switches_is_refused(raw: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        Wishes.read(raw)


def test_where_nothing_was_said_agents_stand_still() -> None:
    assert Wishes.read({}) == Wishes(running=False, speed=1)


def test_paused_agents_ask_for_no_money_and_those_who_just_did_are_waited_for() -> None:
    async def story() -> list[str]:
        switch, told = Switch(), []
        switch.change(Wishes(running=True))
        answered = asyncio.Event()

        async def agent() -> None:
            async with switch.asking():
                await answered.wait()
                told.append("answered")

        running = asyncio.create_task(agent())
        await asyncio.sleep(0)
        switch.change(Wishes(running=False))
        with pytest.raises(Paused):
            async with switch.asking():
                told.append("asked while paused")
        waiting = asyncio.create_task(switch.obeyed())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        answered.set()
        await waiting
        told.append("obeyed")
        await running
        return told

    assert asyncio.run(story()) == ["answered", "obeyed"]


def test_a_rest_is_shorter_at_higher_speed_and_ends_with_a_pause() -> None:
    async def rested(speed: int, pause_after: float | None = None) -> float:
        switch = Switch()
        switch.change(Wishes(running=True, speed=speed))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if pause_after is not None:
            loop.call_later(pause_after, switch.change, Wishes(running=False, speed=speed))
        await switch.rest(0.9)
        return loop.time() - begun

    slow, fast, paused = asyncio.run(rested(1)), asyncio.run(rested(60)), asyncio.run(rested(1, 0.15))
    assert slow > 0.85
    assert fast < slow
    assert paused < slow
