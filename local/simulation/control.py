"""The way to the switches in Valkey: read on each note and twice a second, answered with a sign of life."""

import asyncio
import logging
import time

import redis
from redis.asyncio import Redis

from local.simulation.switch import Switch, Wishes

_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 4  # without a sign for so long the pages say that nobody is there
_TRY_AGAIN_SECONDS = 1.0
log = logging.getLogger("simulation.control")


async def listen(redis_url: str, organisation: int, switch: Switch) -> None:
    """Keep `switch` as people want it, for ever. While Valkey is away the agents go on as they were told last."""
    name, trouble = f"simulation:{organisation}", ""
    while True:
        try:
            async with Redis.from_url(redis_url, decode_responses=True, socket_timeout=5) as valkey:
                await _follow(valkey, name, switch)
        except (redis.RedisError, OSError, ValueError) as error:
            if str(error) != trouble:  # once, not each second
                trouble = str(error)
                log.warning("the switches can't be read, the agents go on as they are: %s", trouble)
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


async def _follow(valkey: Redis, name: str, switch: Switch) -> None:
    async with valkey.pubsub() as notes:
        await notes.subscribe(name)
        while True:
            raw = await valkey.hgetall(name)
            wishes = Wishes.read({str(field): str(value) for field, value in raw.items()})
            if wishes != switch.wishes:
                state = "running" if wishes.running else "paused"
                log.info("%s at %d×, run %d", state, wishes.speed, wishes.generation)
                switch.change(wishes)
            await _tell_that_we_live(valkey, f"{name}:process", switch)
            await notes.get_message(ignore_subscribe_messages=True, timeout=_LOOK_SECONDS)


async def _tell_that_we_live(valkey: Redis, name: str, switch: Switch) -> None:
    facts = {"at": str(int(time.time()))}
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await switch.obeyed()
        facts["revision"] = str(switch.wishes.revision)
    except TimeoutError:
        pass  # alive, but not yet there
    async with valkey.pipeline() as write:
        write.hset(name, items=[part for fact in facts.items() for part in fact])
        write.expire(name, _ALIVE_SECONDS)
        await write.execute()
