"""What callers need not wait for: telling open pages, and noting that keys were used. Both may be lost."""

import asyncio
import time

from common import live
from organisations import last_used

EVERY = 0.3  # seconds
_organisations: set[int] = set()
_keys: dict[int, int] = {}
_task: "asyncio.Task[None] | None" = None


def note(organisation_id: int, key_id: int) -> None:
    """Figures of the organisation changed by a call of this key."""
    global _task
    _organisations.add(organisation_id)
    _keys[key_id] = int(time.time())
    if _task is None:
        _task = asyncio.ensure_future(_tell())


async def _tell() -> None:
    global _task
    await asyncio.sleep(EVERY)
    organisations, keys = tuple(_organisations), dict(_keys)
    _organisations.clear()
    _keys.clear()
    _task = None
    # In a thread: Valkey must never make the loop wait.
    await asyncio.to_thread(live.changed, organisations)
    await asyncio.to_thread(last_used.note_all, keys)
