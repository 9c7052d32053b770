"""The switchboard of a sandbox's simulated agents: what people want of them stands in Valkey.

The agents are a process of their own, which reads it there (`local/simulation`), says that it lives and how far it has
obeyed. What is lost with Valkey is a wish, never money: agents of whom nobody has said anything stand still.
"""

import time
from dataclasses import dataclass
from typing import ClassVar

import redis
from django.conf import settings

from common.valkey import quick
from metering.sandbox import CREDITS
from metering.sandbox import start_over as _start_over
from organisations.models import Member, Organisation

SPEEDS = (1, 10, 60)
OPERATORS = frozenset({Member.Role.OWNER, Member.Role.ADMIN, Member.Role.DEVELOPER})
_OBEY_SECONDS = 2.0
_LOOK_SECONDS = 0.02


class NoSwitchboard(Exception):
    """Valkey could not be reached: nothing was changed."""


@dataclass(frozen=True)
class State:
    """How the agents are set. `alive`: their process was heard of within seconds. `credits`: what a reset gives."""

    running: bool
    speed: int
    alive: bool

    speeds: ClassVar = SPEEDS
    operators: ClassVar = OPERATORS
    credits: ClassVar = CREDITS


def is_simulated(organisation: Organisation) -> bool:
    """Whether the organisation has simulated agents: a sandbox, where they are configured."""
    return bool(settings.SIMULATION) and organisation.sandbox


def state(organisation: Organisation) -> State | None:
    """How its agents are set now, None where it has none. Asks Valkey: to be called outside of any transaction."""
    if not is_simulated(organisation):
        return None
    try:
        with quick().pipeline() as look:
            look.hmget(_wishes(organisation), "running", "speed")
            look.exists(_process(organisation))
            (running, speed), alive = look.execute()
    except redis.RedisError:
        return State(False, SPEEDS[0], False)
    return State(running == b"1", int(speed or SPEEDS[0]), bool(alive))


def introduce(organisation: Organisation) -> None:
    """Let its agents run at the lowest speed, unless somebody has said something about them before."""
    if not quick().exists(_wishes(organisation)):
        _tell(organisation, running=1, speed=SPEEDS[0], seed=1, generation=1)


def start(organisation: Organisation) -> None:
    """Let the agents make calls. Raises `NoSwitchboard`, as all that follow."""
    _tell(organisation, running=1)


def pause(organisation: Organisation) -> None:
    """Let the agents finish their calls and begin no more."""
    _tell(organisation, running=0)


def set_speed(organisation: Organisation, speed: int) -> None:
    """Let the agents spend `speed` times as much in the same time; one of `SPEEDS`, else `ValueError`."""
    if speed not in SPEEDS:
        raise ValueError(f"no such speed: {speed}")
    _tell(organisation, speed=speed)


def reset(organisation: Organisation) -> None:
    """Pause the agents, end their calls, and give the wallet its opening credits anew. The speed stays."""
    _wait_until_obeyed(organisation, _tell(organisation, running=0))
    _start_over(organisation)
    _tell(organisation, generation=1 + int(_heard(_wishes(organisation), "generation") or 0))


def _tell(organisation: Organisation, **wishes: int) -> int:
    """Write wishes down and wake the agents; returns the number of this change."""
    name = _wishes(organisation)
    try:
        with quick().pipeline() as write:
            write.hset(name, mapping={key: str(value) for key, value in wishes.items()})
            write.hincrby(name, "revision", 1)
            write.publish(name, "changed")
            return int(write.execute()[1])
    except redis.RedisError as error:
        raise NoSwitchboard(str(error)) from error


def _wait_until_obeyed(organisation: Organisation, revision: int) -> None:
    # Else a call that is being authorised at this moment would be the first to spend the new credits.
    deadline = time.monotonic() + _OBEY_SECONDS
    while time.monotonic() < deadline:
        obeyed = _heard(_process(organisation), "revision")
        if obeyed is None or int(obeyed) >= revision:
            return
        time.sleep(_LOOK_SECONDS)


def _heard(name: str, field: str) -> bytes | None:
    try:
        found = quick().hget(name, field)
    except redis.RedisError as error:
        raise NoSwitchboard(str(error)) from error
    assert found is None or isinstance(found, bytes)  # the client's type also covers its asynchronous half
    return found


def _wishes(organisation: Organisation) -> str:
    return f"simulation:{organisation.pk}"


def _process(organisation: Organisation) -> str:
    return f"simulation:{organisation.pk}:process"
