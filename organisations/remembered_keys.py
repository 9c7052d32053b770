"""API keys that this process has looked up lately. They save the look-up, never the check: whether a key was revoked or
its organisation suspended is asked again, under the wallet's lock, by whatever opens a call."""

import time
from dataclasses import dataclass

from organisations.models import ApiKey

GOOD_FOR = 60.0  # seconds
RENEWED_AFTER = 45.0
MOST = 10_000


@dataclass(slots=True)
class _Entry:
    key: ApiKey
    ends: float
    renew: float


_entries: dict[str, _Entry] = {}


def keep(prefix: str, key: ApiKey) -> None:
    """Remember the key with this prefix, just looked up."""
    if len(_entries) >= MOST:
        _entries.clear()
    now = time.monotonic()
    _entries[prefix] = _Entry(key, now + GOOD_FOR, now + RENEWED_AFTER)


def look_up(prefix: str) -> ApiKey | None:
    """The key with this prefix, None where somebody has to ask the database.

    Shortly before its time is over one caller a second gets None, so that not all of them ask at once when it is.
    """
    entry, now = _entries.get(prefix), time.monotonic()
    if entry is None or now >= entry.ends:
        return None
    if now >= entry.renew:
        entry.renew = now + 1
        return None
    return entry.key
