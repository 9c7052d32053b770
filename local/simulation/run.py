"""All agents and the listener to their switches, side by side."""

import asyncio

from local.simulation.agents import AGENTS
from local.simulation.config import Config
from local.simulation.control import listen
from local.simulation.switch import Switch
from local.simulation.worker import Worker


async def run(config: Config) -> None:
    """Run until cancelled."""
    switch = Switch()
    async with asyncio.TaskGroup() as together:
        together.create_task(listen(config.redis_url, config.organisation, switch))
        for agent in AGENTS:
            together.create_task(Worker(agent, config, switch).work())
