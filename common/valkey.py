"""Valkey for what may be lost: notes and hints. Money never depends on it."""

from functools import cache

import redis
from django.conf import settings


@cache
def quick() -> redis.Redis:
    """A client whose calls fail within a fifth of a second: Valkey down or hanging must not slow a call."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2)
