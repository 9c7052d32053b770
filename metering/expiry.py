"""The end of calls from which nothing more was heard: each hold is ended once its time is over."""

import uuid
from collections.abc import Iterable

from common.clock import billing_now
from common.money import plain
from common.tenancy import platform
from metering import ledger
from metering.models import Call
from metering.rating import rate_usage
from metering.terms import from_json
from providers.leaves import INPUT_SIDE, Leaf
from wallets.models import Hold

BATCH = 200


def end_expired_holds() -> int:
    """End every open hold whose time is over; returns how many. Safe to run any number of times, also at once.

    A call that was never dispatched cost nothing and is released. A dispatched one cost the provider something: it is
    settled with an estimate, never with zero and never twice: under the wallet's lock a hold that was ended or renewed
    in the meantime is left alone.
    """
    ended = 0
    while batch := _expired():
        done = _release(c for c in batch if not c.dispatched) + _settle(c for c in batch if c.dispatched)
        ended += done
        if not done:  # all of them were ended by others meanwhile; the next run looks again
            break
    return ended


def estimate(call: Call) -> dict[Leaf, int]:
    """What a dispatched call is taken to have used: the larger of declared and reported input, at the base input rate,
    and whatever else its progress reported."""
    reported = {Leaf(leaf): int(tokens) for leaf, tokens in call.progress.items()}
    seen = sum(tokens for leaf, tokens in reported.items() if leaf in INPUT_SIDE)
    rest = {leaf: tokens for leaf, tokens in reported.items() if leaf not in INPUT_SIDE}
    return {Leaf.INPUT: max(call.input_tokens, seen)} | rest


def _expired() -> list[Call]:
    with platform("read"):
        calls = Call.objects.select_related("hold").filter(
            hold__state=Hold.State.OPEN, hold__expires_at__lte=billing_now()
        )
        return list(calls.order_by("hold__expires_at")[:BATCH])


def _release(calls: Iterable[Call]) -> int:
    operations = [ledger.Release(c.organisation_id, None, "", str(c.pk), "expiry") for c in calls]
    return _count(ledger.release(operations) if operations else [], "released")


def _settle(calls: Iterable[Call]) -> int:
    operations = [_estimated(call) for call in calls]
    return _count(ledger.settle(operations) if operations else [], "settled")


def _estimated(call: Call) -> ledger.Settle:
    usage = estimate(call)
    rated = rate_usage(from_json(call.hold.terms), usage)
    return ledger.Settle(
        organisation=call.organisation_id, key=None, fingerprint="", hold=str(call.pk), cost=plain(rated.cost),
        ended_by="expiry", record=str(uuid.uuid4()), status="failed", service_tier=rated.tier,
        leaves={leaf.value: tokens for leaf, tokens in usage.items()}, list_cost=plain(rated.list_cost), estimated=True,
        flags=["Not settled in time: usage is estimated.", *rated.flags],
    )  # fmt: skip


def _count(results: list[ledger.Result], outcome: str) -> int:
    return sum(result.outcome == outcome for result in results)
