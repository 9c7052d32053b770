"""When a key was last used: noted in Valkey by requests, written to the row by a task once a minute.

A request must not write to the key's row: every call of an agent would queue for it.
"""

import time
from datetime import UTC, datetime

import redis
import structlog

from common.tenancy import platform
from common.valkey import quick
from organisations.models import ApiKey

log = structlog.get_logger("last_used")
_HASH = "api keys last used"


def note(key: ApiKey) -> None:
    """Note that `key` was used now; never fails."""
    try:
        quick().hset(_HASH, str(key.pk), str(int(time.time())))
    except redis.RedisError as error:
        log.warning("last use not noted", error=str(error))


def note_all(used: dict[int, int]) -> None:
    """Note for each key (by id) when it was used, in seconds since 1970 UTC; never fails."""
    try:
        quick().hset(_HASH, mapping={str(key): str(at) for key, at in used.items()})
    except redis.RedisError as error:
        log.warning("last use not noted", error=str(error))


def write() -> int:
    """Write what was noted to the keys' rows; returns how many."""
    noted = quick().hgetall(_HASH)
    assert isinstance(noted, dict)  # the client's type also covers its asynchronous half
    with platform("write"):
        for pk, seconds in noted.items():
            ApiKey.objects.filter(pk=int(pk)).update(last_used_at=datetime.fromtimestamp(int(seconds), UTC))
    if noted:
        quick().hdel(_HASH, *noted)
    return len(noted)
