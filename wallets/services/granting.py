"""Credits are given: by a person, by a payment, with a plan's period; a sandbox starts over."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings

from common import live
from common.tenancy import tenant
from organisations.errors import NeedsSecondPerson
from organisations.models import Organisation, User
from wallets.errors import GrantKeyReused, HoldsOpen
from wallets.models import Grant, Transfer, Wallet
from wallets.services.posting import locked, open_lot, reverse

BRINGS = (Transfer.Kind.GRANT, Transfer.Kind.ADJUSTMENT, Transfer.Kind.ROLLOVER)
# What two requests with one key have in common that are the same.
CONTENT = ("kind", "amount", "reason", "expires_at", "priority")


def grant_credits(
    *,
    organisation: Organisation,
    kind: str,
    amount: Decimal,
    reason: str,
    key: str,
    by: User | None = None,
    approved_by: User | None = None,
    expires_at: datetime | None = None,
    priority: int = 0,
) -> Grant:
    """Add a lot of paid or promotional credits to an organisation's wallet, once per `key`.

    `amount` is in the organisation's currency, above zero, with at most nine places. `expires_at` is the first moment
    (aware) at which the lot can't be spent any more. A lower `priority` is spent earlier. `by` is the person who gives
    it, None for the system. The same key with the same content returns the first grant; with other content it raises
    `GrantKeyReused`. Above `settings.GRANT_LIMIT` a person alone is refused (`NeedsSecondPerson`): then `approved_by`
    has to be another one. Raises `ValidationError`.
    """
    if by is not None and approved_by in (None, by) and amount > Decimal(settings.GRANT_LIMIT):
        raise NeedsSecondPerson(amount)
    return _given(organisation, Grant(
        kind=kind, amount=amount, reason=reason.strip(), key=key, given_by=by, expires_at=expires_at, priority=priority,
    ))  # fmt: skip


def grant_included(
    *,
    organisation: Organisation,
    amount: Decimal,
    period_start: datetime,
    period_end: datetime,
    rollover_cap: Decimal | None = None,
    rollover_expires_at: datetime | None = None,
) -> Grant:
    """Give the credits that a plan includes in one period of a subscription: once a period, however often it is asked.

    They expire at `period_end`. Of what is left then, up to `rollover_cap` lives on as a lot of its own until
    `rollover_expires_at`, and is spent before the next period's. Raises `GrantKeyReused` for another amount or end.
    """
    return _given(organisation, Grant(
        kind=Grant.Kind.INCLUDED, amount=amount, reason="Included in the plan",
        key=f"included {period_start.isoformat()}", expires_at=period_end, period_start=period_start,
        rollover_cap=rollover_cap, rollover_expires_at=rollover_expires_at,
    ))  # fmt: skip


def start_over(*, organisation: Organisation, amount: Decimal, reason: str, key: str) -> Grant:
    """Take all credits of a sandbox back and give it `amount` anew, in one step and once per `key`.

    Each lot's rest goes back by the opposite of the transfer that brought it. Raises `HoldsOpen` while a call runs:
    what it holds can't be taken. Raises `ValueError` for an organisation that is no sandbox.
    """
    if not organisation.sandbox:
        raise ValueError("only a sandbox starts over")
    grant = Grant(kind=Grant.Kind.PROMOTIONAL, amount=amount, reason=reason, key=Grant.START_OVER + key)
    with tenant(organisation.pk):
        wallet = locked(organisation.pk)
        if (first := Grant.objects.filter(organisation=organisation, key=grant.key).first()) is not None:
            return _same(first, grant)
        if wallet.held:
            raise HoldsOpen()
        for lot in Grant.objects.filter(organisation=organisation, remaining__gt=0).order_by("pk"):
            brought = Transfer.objects.get(grant=lot, kind__in=BRINGS, credit__startswith="credits_")
            brought.grant = lot
            reverse(wallet, brought, lot.remaining)
        wallet.absorbed_today, wallet.overrun_since = Decimal(0), None
        wallet.save(update_fields=["absorbed_today", "overrun_since"])
        _open(wallet, organisation, grant)
    return grant


def _given(organisation: Organisation, grant: Grant) -> Grant:
    with tenant(organisation.pk):
        # Lock before reading: whether the key is new and what the balance is are only true under the lock.
        wallet = locked(organisation.pk)
        if (first := Grant.objects.filter(organisation=organisation, key=grant.key).first()) is not None:
            return _same(first, grant)
        _open(wallet, organisation, grant)
    return grant


def _open(wallet: Wallet, organisation: Organisation, grant: Grant) -> None:
    grant.organisation = organisation
    open_lot(wallet, grant)
    live.changed_on_commit(organisation.pk)


def _same(first: Grant, asked: Grant) -> Grant:
    if any(getattr(first, name) != getattr(asked, name) for name in CONTENT):
        raise GrantKeyReused(first.key)
    return first
