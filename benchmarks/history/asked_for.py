"""What there is to ask for in a history: its oldest month, receipts, places far back, people's sessions."""

from typing import Any

import psycopg
from django.test import Client

from analytics.usage.place import Place
from benchmarks.history.cast import Cast
from organisations.models import User

# The oldest month has as many rows, and as many of them are below the places, however long the history after it is.
_OLD = "SELECT min(local_day), min(local_day) + 29 FROM metering_dailyusage WHERE organisation_id = %s"
_DEEP = """SELECT local_day, posted_at, id FROM metering_usagerecord
WHERE organisation_id = %s AND local_day = %s::date + 2 ORDER BY posted_at LIMIT 1 OFFSET 100"""
_SETTLED = """SELECT hold_id FROM metering_usagerecord
WHERE organisation_id = %s ORDER BY local_day DESC, posted_at DESC LIMIT 1 OFFSET 500"""
_TRANSFER = "SELECT id FROM wallets_transfer WHERE organisation_id = %s ORDER BY id LIMIT 1 OFFSET 2000"


def read(cast: Cast, connection: psycopg.Connection) -> dict[str, Any]:
    """The words that `benchmarks.addresses` has places for."""
    large = cast.large.id

    def one(sql: str, *parameters: Any) -> Any:
        return connection.execute(sql, parameters).fetchone()

    first, last = one(_OLD, large)
    return {
        "slug": cast.large.organisation.slug,
        "id": large,
        "small": cast.small["small"].id,
        "agent": cast.large.agent.slug,
        "model": str(cast.models[0]),
        "first": str(first),
        "last_old": str(last),
        "place": str(Place(*one(_DEEP, large, first))),
        "hold": str(one(_SETTLED, large)[0]),
        "transfer": one(_TRANSFER, large)[0],
        "key": cast.large.secret,
        "sessions": {
            "member": _session("person0@large.example"),
            "stopped": _session("owner@stopped.example"),
            "staff": _session("finance@platform.example"),
        },
    }


def _session(email: str) -> str:
    client = Client()
    client.force_login(User.objects.get(email=email))
    return client.cookies["sessionid"].value
