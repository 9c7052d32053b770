"""Under the wallet's lock: what every rarer write of money is made of. The ORM, beside the SQL functions of calls."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from common.clock import billing_now
from wallets.models import CREDITS, Adjustment, Grant, Transfer, Wallet

Account, Kind = Transfer.Account, Transfer.Kind
# Where the credits of each kind come from, and which account owes them to the customer.
SOURCES = {
    Grant.Kind.PAID: (Account.CASH_CLEARING, Account.CREDITS_PAID),
    Grant.Kind.PROMOTIONAL: (Account.PROMOTIONAL_EXPENSE, Account.CREDITS_PROMOTIONAL),
    Grant.Kind.INCLUDED: (Account.INCLUDED_EXPENSE, Account.CREDITS_INCLUDED),
}


def locked(organisation_id: int) -> Wallet:
    """The organisation's wallet, which nobody else changes before the running transaction ends.

    Lots that have expired or are owed back have been seen to. Call it before anything is read that a decision rests on.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT wallets_lock(ARRAY[%s]::bigint[])", [organisation_id])
    return Wallet.objects.get(pk=organisation_id)


def posting_time(wallet: Wallet) -> datetime:
    """When something is posted now: never before an earlier posting of this wallet."""
    return max(wallet.last_posted_at, billing_now())


def open_lot(wallet: Wallet, lot: Grant, kind: str = Kind.GRANT, **cause: Any) -> None:
    """Add a new lot of credits to the wallet. Raises `ValidationError`."""
    lot.granted_at = posting_time(wallet)
    lot.remaining = Decimal(0)
    lot.full_clean()
    lot.save()
    debit, credit = SOURCES[Grant.Kind(lot.kind)]
    if lot.expires_at is not None and (wallet.due_at is None or lot.expires_at < wallet.due_at):
        wallet.due_at = lot.expires_at
    # Given and posted at one moment: pages look for the balance at the moment of the grant.
    post(wallet, Transfer(
        kind=kind, debit=debit, credit=credit, amount=lot.amount, grant=lot, posted_at=lot.granted_at, **cause
    ))  # fmt: skip


def post(wallet: Wallet, transfer: Transfer) -> Transfer:
    """Post a transfer, with what it does to its lot and to the wallet's balance; now, where it has no time yet."""
    change = _change(transfer)
    wallet.balance += change
    wallet.last_posted_at = transfer.posted_at = transfer.posted_at or posting_time(wallet)
    wallet.save(update_fields=["balance", "last_posted_at", "due_at"])
    transfer.organisation_id, transfer.balance_after = wallet.organisation_id, wallet.balance
    transfer.save()
    if transfer.grant is not None and change:
        transfer.grant.remaining += change
        transfer.grant.save(update_fields=["remaining"])
    return transfer


def reverse(
    wallet: Wallet, first: Transfer, amount: Decimal | None = None, adjustment: Adjustment | None = None
) -> Transfer:
    """Post the opposite of a transfer, which names it; `amount` for a part of it, `adjustment` for what undoes it."""
    return post(wallet, Transfer(
        kind=Kind.CORRECTION, debit=first.credit, credit=first.debit, amount=amount or first.amount, grant=first.grant,
        hold=first.hold, charge=first.charge, claw_back=first.claw_back, adjustment=adjustment, corrects=first,
    ))  # fmt: skip


def look_at_lots(wallet: Wallet) -> None:
    """See to lots that something has just come back to: one may have expired in the meantime."""
    wallet.due_at = wallet.last_posted_at
    wallet.save(update_fields=["due_at"])
    locked(wallet.organisation_id)


def _change(transfer: Transfer) -> Decimal:
    if transfer.credit in CREDITS:
        return transfer.amount
    return -transfer.amount if transfer.debit in CREDITS else Decimal(0)


def free_of(lot: Grant) -> Decimal:
    """What of a lot no running call may still need; the caller holds the wallet's lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT covered FROM wallets_covered(%s) WHERE lot = %s", [lot.organisation_id, lot.pk])
        row = cursor.fetchone()
    return lot.remaining - row[0] if row else Decimal(0)
