"""How the platform itself ends a call of which its agent says no more. Pure: what to do, not doing it."""

import uuid

from common.money import plain
from metering import ledger
from metering.estimating import estimate, reported_input
from metering.flags import few
from metering.models import Call
from metering.rating import rate_usage, with_request
from metering.terms import stored_terms


def released(call: Call, *, ended_by: str) -> ledger.Release:
    """Give the hold of `call` back unspent. `ended_by` is `call` or `expiry`."""
    return ledger.Release(call.organisation_id, None, "", str(call.pk), ended_by)


def estimated(call: Call, *, ended_by: str, flag: str) -> ledger.Settle:
    """Charge `call` for what it was declared and last reported to use, never for nothing.

    `ended_by` is `call` or `expiry`; `flag` says in a sentence why the usage is an estimate.
    """
    terms = stored_terms(call.hold.terms_id)
    most = max(call.input_tokens, reported_input(call.progress))
    usage = with_request(terms, estimate(input_bound=most, progress=call.progress))
    rated = rate_usage(terms, usage)
    return ledger.Settle(
        organisation=call.organisation_id, key=None, fingerprint="", hold=str(call.pk), cost=plain(rated.cost),
        ended_by=ended_by, record=str(uuid.uuid4()), status="failed", service_tier=rated.tier,
        leaves={leaf.value: tokens for leaf, tokens in usage.items()}, list_cost=plain(rated.list_cost), estimated=True,
        flags=few(flag, *rated.flags),
    )  # fmt: skip
