"""Tell open pages that an organisation's figures have changed: a note in Valkey, sent once the change is committed.

A note carries no figures and may be lost: pages read the facts anew, and look by themselves from time to time.
"""

import redis
import structlog
from django.db import transaction

from common.valkey import quick

log = structlog.get_logger("live")
CHANGED, CLOSE = b"changed", b"close"


def channel(organisation_id: int) -> str:
    """The name under which notes about an organisation are published."""
    return f"live:{organisation_id}"


def changed_on_commit(*organisation_ids: int) -> None:
    """Say that figures of these organisations changed, when the running transaction is committed (now if none is)."""
    transaction.on_commit(lambda: _publish(CHANGED, organisation_ids))


def changed(organisation_ids: tuple[int, ...]) -> None:
    """Say that figures of these organisations have changed, in what is committed already."""
    _publish(CHANGED, organisation_ids)


def close_on_commit(organisation_id: int) -> None:
    """Make every open stream of an organisation connect, and so identify itself, again: somebody may have left."""
    transaction.on_commit(lambda: _publish(CLOSE, (organisation_id,)))


def _publish(note: bytes, organisation_ids: tuple[int, ...]) -> None:
    try:
        for organisation_id in organisation_ids:
            quick().publish(channel(organisation_id), note)
    except redis.RedisError as error:
        log.warning("open pages not told", error=str(error))
