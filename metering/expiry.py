"""The end of calls from which nothing more was heard: each hold is ended once its time is over."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError

from common.clock import billing_now
from common.tenancy import platform
from metering import ending, ledger
from metering.models import Call
from wallets.models import Hold

log = structlog.get_logger("expiry")
BATCH = 200


def end_expired_holds() -> int:
    """End every open hold whose time is over; returns how many. Safe to run any number of times, also at once.

    A call that was never dispatched cost nothing and is released. A dispatched one cost the provider something: it is
    settled with an estimate, never with zero and never twice: under the wallet's lock a hold that was ended or renewed
    in the meantime is left alone. Each hold is tried once a run, so that one that can't be ended holds up no other.
    """
    tried: set[uuid.UUID] = set()
    ended = 0
    while batch := _expired(tried):
        tried |= {call.pk for call in batch}
        ended += _end(ledger.release, [_released(call) for call in batch if not call.dispatched], "released")
        ended += _end(ledger.settle, [_estimated(call) for call in batch if call.dispatched], "settled")
    return ended


def _expired(tried: Collection[uuid.UUID] = ()) -> list[Call]:
    with platform("read"):
        calls = Call.objects.select_related("hold").filter(
            hold__state=Hold.State.OPEN, hold__expires_at__lte=billing_now()
        )
        return list(calls.exclude(pk__in=tried).order_by("hold__expires_at")[:BATCH])


def _end(act: Callable[[list[Any]], list[ledger.Result]], operations: list[Any], outcome: str) -> int:
    """Carry out a batch; if the database refuses it, one by one, so that one broken ledger freezes no other's money."""
    if not operations:
        return 0
    try:
        return sum(result.outcome == outcome for result in act(operations))
    except (OperationalError, InterfaceError):
        raise  # the database is away or busy: the next run tries again
    except DatabaseError:
        if len(operations) == 1:
            log.exception("an expired hold can't be ended", hold=operations[0].hold)
            return 0
        return sum(_end(act, [operation], outcome) for operation in operations)


def _released(call: Call) -> ledger.Release:
    return ending.released(call, ended_by="expiry")


def _estimated(call: Call) -> ledger.Settle:
    return ending.estimated(call, ended_by="expiry", flag="Not settled in time: usage is estimated.")
