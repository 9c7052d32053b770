"""What happened to one wallet, read for its organisation's pages; the caller is inside a scope.

Every read here is a few looks into an index: none grows with the number of calls.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Min

from organisations.models import Organisation
from wallets.models import Grant, Hold, IdempotencyRecord, Transfer, Wallet
from wallets.selectors import LOW


class Point(NamedTuple):
    """The balance at a moment, in the wallet's currency; None before the wallet's first posting."""

    at: datetime
    balance: Decimal | None


class Stop(NamedTuple):
    """Since when no call is authorised for want of credits; None where there never were any."""

    since: datetime | None


class Refusal(NamedTuple):
    """A call that was refused: what it needed at least and what was available."""

    at: datetime
    required: Decimal
    available: Decimal


# The last transfer before each step; by the index on (organisation, posted_at).
_CURVE = """
SELECT s.at, t.balance_after
FROM generate_series(%s::timestamptz, %s::timestamptz, %s * interval '1 microsecond') AS s (at)
LEFT JOIN LATERAL (
  SELECT balance_after FROM wallets_transfer
  WHERE organisation_id = %s AND posted_at <= s.at ORDER BY posted_at DESC, id DESC LIMIT 1) t ON true
ORDER BY s.at
"""


def balance_curve(organisation_id: int, start: datetime, end: datetime, steps: int) -> list[Point]:
    """The balance at `steps` + 1 moments from `start` to `end` (aware)."""
    with connection.cursor() as cursor:
        cursor.execute(_CURVE, [start, end, (end - start) // timedelta(microseconds=steps), organisation_id])
        return [Point(at, balance) for at, balance in cursor.fetchall()]


def credits_given(organisation: Organisation, since: datetime, most: int = 20) -> list[Transfer]:
    """The newest transfers of credits given since `since`, newest first."""
    recent = Grant.objects.filter(organisation=organisation, granted_at__gte=since).order_by("-pk")[:most]
    found = Transfer.objects.filter(grant__in=[grant.pk for grant in recent], kind=Transfer.Kind.GRANT)
    return list(found.select_related("grant").order_by("-pk"))


def first_credits_at(organisation: Organisation) -> datetime | None:
    """When a wallet's first credits came in; None before that."""
    first: datetime | None = Grant.objects.filter(organisation=organisation).aggregate(at=Min("granted_at"))["at"]
    return first


def started_over_at(organisation: Organisation) -> datetime | None:
    """When a sandbox was last given its credits anew; None where it never was."""
    grants = Grant.objects.filter(organisation=organisation, key__startswith=Grant.START_OVER)
    newest: datetime | None = grants.aggregate(at=Max("granted_at"))["at"]
    return newest


def stopped(wallet: Wallet, now: datetime) -> Stop | None:
    """Whether an organisation stands still for want of credits.

    Nothing available, or so little that all calls of the last seconds were refused. While one kind of call is too dear
    and another still runs, it does not stand still.
    """
    available = wallet.balance - wallet.held
    if available >= LOW:
        return None
    last = _last_success(wallet)
    refused = IdempotencyRecord.objects.filter(organisation_id=wallet.organisation_id, outcome="refused")
    if last is not None:
        refused = refused.filter(created_at__gt=last)
    first: datetime | None = refused.aggregate(at=Min("created_at"))["at"]
    if available <= 0:
        # The last posting, or the call that holds the rest: what brought it there, whether anybody asked since or not.
        return Stop(max(last, wallet.last_posted_at) if last else None)
    if first is None or (last is not None and now - last <= timedelta(seconds=5)):
        return None
    return Stop(first)


def last_refusal(organisation_id: int, since: datetime) -> Refusal | None:
    """The newest call refused since `since`."""
    refused = IdempotencyRecord.objects.filter(
        organisation_id=organisation_id, outcome="refused", created_at__gte=since
    )
    row = refused.order_by("-created_at").first()
    if row is None:
        return None
    return Refusal(row.created_at, Decimal(row.figures["required"]), Decimal(row.figures["available"]))


def _last_success(wallet: Wallet) -> datetime | None:
    """When a call was last authorised or credits last came in."""
    holds = Hold.objects.filter(organisation_id=wallet.organisation_id)
    moments = [
        holds.aggregate(at=Max("authorised_at"))["at"],
        Grant.objects.filter(organisation_id=wallet.organisation_id).aggregate(at=Max("granted_at"))["at"],
    ]
    return max((at for at in moments if at is not None), default=None)
