"""Reads of wallets for staff; the caller is inside `platform(…)`, so that all figures are of one moment."""

from decimal import Decimal
from typing import NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Sum

from organisations.models import Organisation
from organisations.selectors import billed_organisations, sandboxes
from wallets.models import Adjustment, ClawBack, Grant, Hold, Transfer, Wallet

LOW = Decimal(10)  # available below this is shown as low
LEDGER_ROWS = 50
HOLDS_SHOWN = 50
CORRECTIONS_SHOWN = 10
CREDITS = (Transfer.Account.CREDITS_PAID, Transfer.Account.CREDITS_PROMOTIONAL, Transfer.Account.CREDITS_INCLUDED)

# By what is available. An organisation that never had credits has no wallet row yet: it is stopped as well.
STATES = {
    "stopped": Q(wallet__isnull=True) | Q(wallet__balance__lte=F("wallet__held")),
    "low": Q(wallet__balance__gt=F("wallet__held"), wallet__balance__lt=F("wallet__held") + LOW),
    "ok": Q(wallet__balance__gte=F("wallet__held") + LOW),
}
SANDBOX = "sandbox"


class Standing(NamedTuple):
    """What an organisation has; `accrued` is the part of `held` that running calls have used already."""

    organisation: Organisation
    balance: Decimal
    held: Decimal
    accrued: Decimal

    @property
    def available(self) -> Decimal:
        return self.balance - self.held

    @property
    def there(self) -> Decimal:
        """The balance less what running calls have reported: that is as good as spent."""
        return self.balance - self.accrued

    @property
    def running(self) -> Decimal:
        """What running calls hold and have not used yet."""
        return self.held - self.accrued

    @property
    def state(self) -> str:
        """A key of `STATES`."""
        if self.available <= 0:
            return "stopped"
        return "low" if self.available < LOW else "ok"


class LedgerRow(NamedTuple):
    """A transfer and what it did to the wallet: above zero for credits given, 0 where the platform paid."""

    transfer: Transfer
    change: Decimal


class LedgerPage(NamedTuple):
    """Ledger rows, newest first; `older` is the `before` of the next page, None on the last."""

    rows: list[LedgerRow]
    older: int | None


def organisations_by_state(state: str = "") -> QuerySet[Organisation]:
    """Organisations with their wallets, by name; `state` is a key of `STATES`, "" for all, `SANDBOX` for sandboxes."""
    found = sandboxes() if state == SANDBOX else billed_organisations()
    return found.filter(STATES.get(state, Q())).select_related("wallet").order_by("name", "pk")


def standing(organisation: Organisation, accrued: Decimal = Decimal(0)) -> Standing:
    """The figures of a wallet; zeros where no credits were ever given."""
    wallet: Wallet | None = getattr(organisation, "wallet", None)
    if wallet is None:
        return Standing(organisation, Decimal(0), Decimal(0), accrued)
    return Standing(organisation, wallet.balance, wallet.held, accrued)


def standing_with_accrued(organisation: Organisation) -> Standing:
    """The same with what open calls have reported so far."""
    accrued = open_holds(organisation).aggregate(total=Sum("accrued"))["total"] or Decimal(0)
    return standing(organisation, accrued)


def open_holds(organisation: Organisation) -> QuerySet[Hold]:
    """The holds of running calls."""
    return Hold.objects.filter(organisation=organisation, state=Hold.State.OPEN)


def grants_in_spending_order(organisation: Organisation) -> QuerySet[Grant]:
    """The lots that are left, in the order in which calls spend them (`wallets_spend` in SQL has the same)."""
    left = Grant.objects.filter(organisation=organisation, remaining__gt=0).select_related("given_by")
    paid = ExpressionWrapper(Q(kind=Grant.Kind.PAID), output_field=BooleanField())
    return left.order_by("priority", F("expires_at").asc(nulls_last=True), paid, "pk")


def newest_adjustments(organisation: Organisation) -> QuerySet[Adjustment]:
    """What finance corrected last, newest first."""
    made = Adjustment.objects.filter(organisation=organisation).select_related("made_by", "undone_by")
    return made.order_by("-pk")[:CORRECTIONS_SHOWN]


def newest_claw_backs(organisation: Organisation) -> QuerySet[ClawBack]:
    """What was taken back of bought lots last, newest first."""
    taken = ClawBack.objects.filter(organisation=organisation).select_related("grant")
    return taken.order_by("-pk")[:CORRECTIONS_SHOWN]


def not_taken_back(lot: Grant) -> Decimal:
    """What of a bought lot was not taken back, or was given back."""
    taken = ClawBack.objects.filter(grant=lot, given_back_at=None).aggregate(total=Sum("amount"))["total"]
    return lot.amount - (taken or Decimal(0))


def suspended_for_overrun() -> QuerySet[Organisation]:
    """Organisations whose calls are refused until finance clears them, the longest first."""
    found = billed_organisations().filter(wallet__overrun_since__isnull=False)
    return found.select_related("wallet").order_by("wallet__overrun_since", "pk")


def ledger_page(organisation: Organisation, before: int | None = None) -> LedgerPage:
    """The newest ledger rows older than the transfer `before`; by key, so that new rows shift nothing."""
    rows = Transfer.objects.filter(organisation=organisation).select_related("grant").order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: LEDGER_ROWS + 1])
    shown = found[:LEDGER_ROWS]
    older = shown[-1].pk if len(found) > LEDGER_ROWS else None
    return LedgerPage([LedgerRow(row, change_of(row)) for row in shown], older)


def change_of(row: Transfer) -> Decimal:
    """What a transfer did to the balance: 0 where it moved none of the customer's credits."""
    if row.credit in CREDITS:
        return row.amount
    return -row.amount if row.debit in CREDITS else Decimal(0)
