"""Money of a bought lot is taken back: a refund, a dispute, a payment that failed after all; and given back again.

What is taken is what is left of that lot. What is spent already becomes a receivable: the wallet is never negative.
"""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Sum

from common import live
from common.tenancy import tenant
from wallets.errors import NotBought
from wallets.models import ClawBack, Grant, Transfer, Wallet
from wallets.services.posting import Account, Kind, free_of, locked, look_at_lots, post, posting_time, reverse

TAKEN_TO = {
    ClawBack.Cause.REFUND: Account.REFUNDS,
    ClawBack.Cause.DISPUTE: Account.DISPUTES,
    ClawBack.Cause.REVERSAL: Account.CASH_CLEARING,
}


def claw_back(*, lot: Grant, cause: str, amount: Decimal, reason: str, key: str) -> ClawBack:
    """Take up to `amount` (of credits, in the organisation's currency) of a bought lot back, once per `key`.

    All claw-backs of a lot together never exceed what was bought: a refund and a dispute of one payment take it once,
    in whatever order and however often they are told. What running calls hold of the lot is collected when they end.
    Raises `NotBought` for a lot of another kind.
    """
    if lot.kind != Grant.Kind.PAID:
        raise NotBought()
    with tenant(lot.organisation_id):
        wallet = locked(lot.organisation_id)
        first = ClawBack.objects.filter(organisation_id=lot.organisation_id, key=key).first()
        if first is not None:
            return first
        lot = Grant.objects.get(pk=lot.pk)
        taken = ClawBack.objects.create(
            organisation_id=lot.organisation_id, grant=lot, cause=cause, amount=min(amount, _not_yet_taken(lot)),
            reason=reason, key=key, made_at=posting_time(wallet),
        )  # fmt: skip
        _take(wallet, lot, taken)
        live.changed_on_commit(lot.organisation_id)
    return taken


def give_back(taken: ClawBack) -> None:
    """Undo a claw-back (the dispute was won, the payment succeeded after all) by opposite transfers; once."""
    with tenant(taken.organisation_id):
        wallet = locked(taken.organisation_id)
        taken.refresh_from_db()
        if taken.given_back_at is not None:
            return
        taken.given_back_at = posting_time(wallet)
        taken.save(update_fields=["given_back_at"])
        lot = Grant.objects.get(pk=taken.grant_id)
        lot.owed -= receivable_of(taken)
        lot.barred_at = lot.barred_at if lot.owed else None
        lot.save(update_fields=["owed", "barred_at"])
        for row in Transfer.objects.filter(claw_back=taken, corrects=None).order_by("pk"):
            row.grant = lot
            reverse(wallet, row)
        look_at_lots(wallet)
        live.changed_on_commit(taken.organisation_id)


def receivable_of(taken: ClawBack) -> Decimal:
    """What of a claw-back could not be taken from the lot so far: the customer owes it."""
    rows = Transfer.objects.filter(claw_back=taken)
    came = rows.filter(debit=Account.RECEIVABLE).aggregate(total=Sum("amount"))["total"] or Decimal(0)
    went = rows.filter(credit=Account.RECEIVABLE).aggregate(total=Sum("amount"))["total"] or Decimal(0)
    return came - went


def _not_yet_taken(lot: Grant) -> Decimal:
    before = ClawBack.objects.filter(grant=lot, given_back_at=None).aggregate(total=Sum("amount"))["total"]
    return lot.amount - (before or Decimal(0))


def _take(wallet: Wallet, lot: Grant, taken: ClawBack) -> None:
    account = TAKEN_TO[ClawBack.Cause(taken.cause)]
    there = min(taken.amount, free_of(lot))
    if there:
        post(wallet, Transfer(
            kind=Kind.CLAW_BACK, debit=Account.CREDITS_PAID, credit=account, amount=there, grant=lot, claw_back=taken,
        ))  # fmt: skip
    if missing := taken.amount - there:
        lot.owed += missing
        # Later than the calls that run, even if the clock stood still: they may spend what they hold.
        lot.barred_at = lot.barred_at or taken.made_at + timedelta(microseconds=1)
        lot.save(update_fields=["owed", "barred_at"])
        wallet.due_at = min(wallet.due_at or lot.barred_at, lot.barred_at)
        post(wallet, Transfer(
            kind=Kind.CLAW_BACK, debit=Account.RECEIVABLE, credit=account, amount=missing, grant=lot, claw_back=taken,
        ))  # fmt: skip
