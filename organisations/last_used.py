"""When a key was last used: noted in Valkey by requests, written to the row by a task once a minute.

A request must not write to the key's row: every call of an agent would queue for it.
"""

import time
from datetime import UTC, datetime
from functools import cache

import redis
import structlog
from django.conf import settings

from common.tenancy import platform
from organisations.models import ApiKey

log = structlog.get_logger("last_used")
_HASH = "api keys last used"


@cache
def _valkey() -> redis.Redis:
    # Valkey down or hanging must not slow a call: this is a convenience, not money.
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2)


def note(key: ApiKey) -> None:
    """Note that `key` was used now; never fails."""
    try:
        _valkey().hset(_HASH, str(key.pk), str(int(time.time())))
    except redis.RedisError as error:
        log.warning("last use not noted", error=str(error))


def write() -> int:
    """Write what was noted to the keys' rows; returns how many."""
    noted = _valkey().hgetall(_HASH)
    assert isinstance(noted, dict)  # the client's type also covers its asynchronous half
    with platform("write"):
        for pk, seconds in noted.items():
            ApiKey.objects.filter(pk=int(pk)).update(last_used_at=datetime.fromtimestamp(int(seconds), UTC))
    if noted:
        _valkey().hdel(_HASH, *noted)
    return len(noted)
