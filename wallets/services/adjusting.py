"""Finance corrects a wallet by hand, with a reason, and can undo what it did."""

from decimal import Decimal

from django.conf import settings
from django.db import connection

from common import live
from common.tenancy import tenant
from organisations.errors import NeedsSecondPerson
from organisations.models import Organisation, User
from wallets.errors import GrantKeyReused, NotAvailable, UndoneAlready
from wallets.models import Adjustment, Grant, Transfer, Wallet
from wallets.services.posting import SOURCES, Kind, locked, look_at_lots, open_lot, post, posting_time, reverse


def adjust(
    *,
    organisation: Organisation,
    amount: Decimal,
    reason: str,
    key: str,
    by: User | None = None,
    approved_by: User | None = None,
) -> Adjustment:
    """Add credits (`amount` above zero: a promotional lot) or take them (below: of the lots in spending order).

    `amount` is in the organisation's currency. Takes no more than is available: `NotAvailable`. Above
    `settings.GRANT_LIMIT` either way a person alone is refused (`NeedsSecondPerson`). Once per `key`; another content
    under the same key raises `GrantKeyReused`.
    """
    if by is not None and approved_by in (None, by) and abs(amount) > Decimal(settings.GRANT_LIMIT):
        raise NeedsSecondPerson(amount)
    with tenant(organisation.pk):
        wallet = locked(organisation.pk)
        first = Adjustment.objects.filter(organisation=organisation, key=key).first()
        if first is not None:
            return _same(first, amount, reason.strip())
        made = _made(wallet, amount, reason.strip(), key, by)
        if amount > 0:
            lot = Grant(
                organisation=organisation, kind=Grant.Kind.PROMOTIONAL, amount=amount, reason=made.reason,
                key=f"adjustment {made.pk}", given_by=by,
            )  # fmt: skip
            open_lot(wallet, lot, Kind.ADJUSTMENT, adjustment=made)
        else:
            _take(wallet, made)
        live.changed_on_commit(organisation.pk)
    return made


def undo_adjustment(first: Adjustment, *, reason: str, key: str, by: User | None = None) -> Adjustment:
    """Post the opposite of each transfer of an adjustment, once.

    Raises `UndoneAlready` (also for what is an undoing itself), and `NotAvailable` where credits that it gave are spent
    or held by now.
    """
    if first.undoes_id is not None:
        raise UndoneAlready()
    with tenant(first.organisation_id):
        wallet = locked(first.organisation_id)
        if (done := Adjustment.objects.filter(undoes=first).first()) is not None:
            if done.key == key:
                return done
            raise UndoneAlready()
        made = _made(wallet, -first.amount, reason.strip(), key, by, undoes=first)
        for row in Transfer.objects.select_related("grant").filter(adjustment=first, corrects=None).order_by("pk"):
            if first.amount > 0 and row.grant is not None:
                _require(wallet, min(row.grant.remaining, wallet.balance - wallet.held), row.amount)
            reverse(wallet, row, adjustment=made)
        look_at_lots(wallet)
        live.changed_on_commit(first.organisation_id)
    return made


def _made(
    wallet: Wallet, amount: Decimal, reason: str, key: str, by: User | None, undoes: Adjustment | None = None
) -> Adjustment:
    made = Adjustment(
        organisation_id=wallet.organisation_id, amount=amount, reason=reason, key=key, made_by=by, undoes=undoes,
        made_at=posting_time(wallet),
    )  # fmt: skip
    made.full_clean()
    made.save()
    return made


def _take(wallet: Wallet, made: Adjustment) -> None:
    _require(wallet, wallet.balance - wallet.held, -made.amount)
    with connection.cursor() as cursor:
        cursor.execute("SELECT lot, part FROM wallets_preview(%s, %s)", [wallet.organisation_id, -made.amount])
        parts = cursor.fetchall()
    for lot, part in parts:
        grant = Grant.objects.get(pk=lot)
        source, owing = SOURCES[Grant.Kind(grant.kind)]
        post(wallet, Transfer(
            kind=Kind.ADJUSTMENT, debit=owing, credit=source, amount=part, grant=grant, adjustment=made,
        ))  # fmt: skip


def _require(wallet: Wallet, there: Decimal, wanted: Decimal) -> None:
    if there < wanted:
        raise NotAvailable(there)


def _same(first: Adjustment, amount: Decimal, reason: str) -> Adjustment:
    if (first.amount, first.reason) != (amount, reason):
        raise GrantKeyReused(first.key)
    return first
