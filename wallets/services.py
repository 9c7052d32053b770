"""Writes of wallets that are rarer than calls: the ORM, under the same lock as the SQL functions."""

from decimal import Decimal

from django.conf import settings
from django.db import connection

from common import live
from common.clock import billing_now
from common.tenancy import tenant
from organisations.errors import NeedsSecondPerson
from organisations.models import Organisation, User
from wallets.errors import GrantKeyReused, HoldsOpen
from wallets.models import Grant, Transfer, Wallet

SOURCES = {
    Grant.Kind.PAID: (Transfer.Account.CASH_CLEARING, Transfer.Account.CREDITS_PAID),
    Grant.Kind.PROMOTIONAL: (Transfer.Account.PROMOTIONAL_EXPENSE, Transfer.Account.CREDITS_PROMOTIONAL),
}


def grant_credits(
    *,
    organisation: Organisation,
    kind: str,
    amount: Decimal,
    reason: str,
    key: str,
    by: User | None = None,
    approved_by: User | None = None,
) -> Grant:
    """Add a lot of credits to an organisation's wallet, once per `key`.

    `amount` is in the organisation's currency, above zero, with at most nine places. `by` is the person who gives it,
    None for the system. The same key with the same content returns the first grant; with other content it raises
    `GrantKeyReused`. Above `settings.GRANT_LIMIT` a person alone is refused (`NeedsSecondPerson`): then `approved_by`
    has to be another one.
    """
    if by is not None and approved_by in (None, by) and amount > Decimal(settings.GRANT_LIMIT):
        raise NeedsSecondPerson(amount)
    grant = Grant(
        organisation=organisation,
        kind=kind,
        amount=amount,
        remaining=amount,
        reason=reason.strip(),
        key=key,
        given_by=by,
    )
    with tenant(organisation.pk):
        # Lock before reading: whether the key is new and what the balance is are only true under the lock.
        wallet = locked(organisation.pk)
        if (first := Grant.objects.filter(organisation=organisation, key=key).first()) is not None:
            return _same(first, grant)
        _give(wallet, grant)
        live.changed_on_commit(organisation.pk)
    return grant


def start_over(*, organisation: Organisation, amount: Decimal, reason: str, key: str) -> Grant:
    """Take all credits of a sandbox back and give it `amount` anew, in one step and once per `key`.

    Each lot's rest goes back by the opposite of the transfer that brought it. Raises `HoldsOpen` while a call runs:
    what it holds can't be taken. Raises `ValueError` for an organisation that is no sandbox.
    """
    if not organisation.sandbox:
        raise ValueError("only a sandbox starts over")
    grant = Grant(
        organisation=organisation, kind=Grant.Kind.PROMOTIONAL, amount=amount, remaining=amount, reason=reason,
        key=Grant.START_OVER + key,
    )  # fmt: skip
    with tenant(organisation.pk):
        wallet = locked(organisation.pk)
        if (first := Grant.objects.filter(organisation=organisation, key=grant.key).first()) is not None:
            return _same(first, grant)
        if wallet.held:
            raise HoldsOpen()
        for lot in Grant.objects.filter(organisation=organisation, remaining__gt=0).order_by("pk"):
            _take_back(wallet, lot)
        _give(wallet, grant)
        live.changed_on_commit(organisation.pk)
    return grant


def _give(wallet: Wallet, grant: Grant) -> None:
    grant.granted_at = max(wallet.last_posted_at, billing_now())
    grant.full_clean()
    grant.save()
    debit, credit = SOURCES[Grant.Kind(grant.kind)]
    _post(
        wallet, grant.amount,
        Transfer(kind=Transfer.Kind.GRANT, debit=debit, credit=credit, grant=grant, posted_at=grant.granted_at),
    )  # fmt: skip


def _take_back(wallet: Wallet, lot: Grant) -> None:
    brought = Transfer.objects.get(grant=lot, kind=Transfer.Kind.GRANT)
    _post(
        wallet, -lot.remaining,
        Transfer(kind=Transfer.Kind.CORRECTION, debit=brought.credit, credit=brought.debit, grant=lot, corrects=brought,
                 posted_at=max(wallet.last_posted_at, billing_now())),
    )  # fmt: skip
    lot.remaining = Decimal(0)
    lot.save(update_fields=["remaining"])


def _post(wallet: Wallet, change: Decimal, transfer: Transfer) -> None:
    """Post a transfer that changes the wallet; the caller holds its lock."""
    wallet.balance += change
    wallet.last_posted_at = transfer.posted_at
    wallet.save(update_fields=["balance", "last_posted_at"])
    transfer.organisation_id, transfer.amount = wallet.organisation_id, abs(change)
    transfer.balance_after = wallet.balance
    transfer.save()


def locked(organisation_id: int) -> Wallet:
    """The organisation's wallet, which nobody else changes before the running transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT wallets_lock(ARRAY[%s]::bigint[])", [organisation_id])
    return Wallet.objects.get(pk=organisation_id)


def _same(first: Grant, asked: Grant) -> Grant:
    if (first.kind, first.amount, first.reason) != (asked.kind, asked.amount, asked.reason):
        raise GrantKeyReused(first.key)
    return first
