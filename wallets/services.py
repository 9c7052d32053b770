"""Writes of wallets that are rarer than calls: the ORM, under the same lock as the SQL functions."""

from decimal import Decimal

from django.conf import settings
from django.db import connection

from common.clock import billing_now
from common.tenancy import tenant
from organisations.models import Organisation, User
from wallets.errors import GrantKeyReused, NeedsSecondPerson
from wallets.models import Grant, Transfer, Wallet

SOURCES = {
    Grant.Kind.PAID: (Transfer.Account.CASH_CLEARING, Transfer.Account.CREDITS_PAID),
    Grant.Kind.PROMOTIONAL: (Transfer.Account.PROMOTIONAL_EXPENSE, Transfer.Account.CREDITS_PROMOTIONAL),
}


def grant_credits(
    *, organisation: Organisation, kind: str, amount: Decimal, reason: str, key: str, by: User | None = None
) -> Grant:
    """Add a lot of credits to an organisation's wallet, once per `key`.

    `amount` is in the organisation's currency, above zero, with at most nine places. `by` is the person who gives it,
    None for the system. The same key with the same content returns the first grant; with other content it raises
    `GrantKeyReused`. Above `settings.GRANT_LIMIT` a person alone is refused: `NeedsSecondPerson`.
    """
    if by is not None and amount > Decimal(settings.GRANT_LIMIT):
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
        wallet = _locked(organisation.pk)
        if (first := Grant.objects.filter(organisation=organisation, key=key).first()) is not None:
            return _same(first, grant)
        grant.granted_at = max(wallet.last_posted_at, billing_now())
        grant.full_clean()
        grant.save()
        wallet.balance += amount
        wallet.last_posted_at = grant.granted_at
        wallet.save(update_fields=["balance", "last_posted_at"])
        debit, credit = SOURCES[Grant.Kind(kind)]
        Transfer.objects.create(
            organisation=organisation, kind=Transfer.Kind.GRANT, debit=debit, credit=credit, amount=amount,
            balance_after=wallet.balance, grant=grant, posted_at=grant.granted_at,
        )  # fmt: skip
    return grant


def _locked(organisation_id: int) -> Wallet:
    with connection.cursor() as cursor:
        cursor.execute("SELECT wallets_lock(ARRAY[%s]::bigint[])", [organisation_id])
    return Wallet.objects.get(pk=organisation_id)


def _same(first: Grant, asked: Grant) -> Grant:
    if (first.kind, first.amount, first.reason) != (asked.kind, asked.amount, asked.reason):
        raise GrantKeyReused(first.key)
    return first
