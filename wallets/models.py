"""The wallet row, lots of credits (grants), holds, and the append-only ledger of transfers."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from organisations.models import Organisation, User


def money(**options: Any) -> "models.DecimalField[Decimal | int | str, Decimal]":
    """A column for an amount in the organisation's currency: numeric(20,9)."""
    return models.DecimalField(max_digits=20, decimal_places=9, **options)


class Wallet(models.Model):
    """What an organisation has: balance = available + held. Changed only under its row lock."""

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (balance, held, last_posted_at)"

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, primary_key=True)
    balance = money(default=0)
    held = money(default=0)
    # No transfer is dated before this: closing a period raises it, so that nothing late can slip in.
    last_posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_not_negative"),
            models.CheckConstraint(condition=Q(held__lte=F("balance")), name="wallet_held_within_balance"),
        ]

    def __str__(self) -> str:
        return f"Wallet of {self.organisation}"


class Grant(models.Model):
    """A lot of credits. Spent by priority, then soonest expiry, free before paid, oldest."""

    class Kind(models.TextChoices):
        PAID = "paid", "Paid"
        PROMOTIONAL = "promotional", "Promotional"

    START_OVER = "start over "  # how the key of a grant begins with which a sandbox started over

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (remaining)"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="grants")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount = money()
    remaining = money()
    priority = models.SmallIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    key = models.CharField(max_length=100)  # the same key gives no second grant
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="grant_once_per_key"),
            models.CheckConstraint(condition=Q(kind__in=["paid", "promotional"]), name="grant_kind"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="grant_amount_positive"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("amount")), name="grant_remaining_within_amount"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="grant_has_reason"),
            models.CheckConstraint(condition=Q(expires_at__isnull=True), name="grant_does_not_expire_yet"),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "priority", "expires_at", "id"],
                condition=Q(remaining__gt=0),
                name="grant_in_spending_order",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} credits of {self.granted_at:%Y-%m-%d}"


class Hold(models.Model):
    """Money set aside for one call until it settles, is released or expires: exactly one of them."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (amount, accrued, state, ended_by, ended_at, expires_at)"

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="holds")
    amount = money()
    accrued = money(default=0)  # reported by progress, at most the amount: pages show it as spent
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    ended_by = models.CharField(max_length=6, default="", blank=True)
    terms = models.JSONField()  # frozen by the caller, not read here
    authorised_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_amount_not_negative"),
            models.CheckConstraint(condition=Q(accrued__gte=0, accrued__lte=F("amount")), name="hold_accrued_within"),
            models.CheckConstraint(
                condition=Q(state="open", ended_by="", ended_at__isnull=True)
                | Q(state__in=["settled", "released"], ended_by__in=["call", "expiry"], ended_at__isnull=False),
                name="hold_ends_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-authorised_at"], name="hold_by_organisation"),
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="hold_open_by_expiry"),
            models.Index(fields=["organisation"], condition=Q(state="open"), name="hold_open_by_organisation"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Transfer(models.Model):
    """One row of the ledger: `amount` from the debited to the credited account, so each row sums to zero.

    Never changed and never deleted: the app role has no right to. A correction is the opposite transfer.
    """

    class Account(models.TextChoices):
        CASH_CLEARING = "cash_clearing", "Cash clearing"
        CREDITS_PAID = "credits_paid", "Credits, paid"
        CREDITS_PROMOTIONAL = "credits_promotional", "Credits, promotional"
        CREDITS_INCLUDED = "credits_included", "Credits, included"
        USAGE_REVENUE = "usage_revenue", "Usage revenue"
        KEY_FEE_REVENUE = "key_fee_revenue", "Key fee revenue"
        BREAKAGE_REVENUE = "breakage_revenue", "Breakage revenue"
        PROMOTIONAL_EXPENSE = "promotional_expense", "Promotional expense"
        INCLUDED_EXPENSE = "included_expense", "Included expense"
        ABSORBED_OVERRUN = "absorbed_overrun", "Absorbed overrun"
        RECEIVABLE = "receivable", "Receivable"
        REFUNDS = "refunds", "Refunds"
        DISPUTES = "disputes", "Disputes"
        TAX_PAYABLE = "tax_payable", "Tax payable"
        PROCESSING_FEES = "processing_fees", "Processing fees"

    class Kind(models.TextChoices):
        GRANT = "grant", "Grant"
        USAGE = "usage", "Usage"
        ABSORBED = "absorbed", "Absorbed overrun"
        CORRECTION = "correction", "Correction"  # the opposite of the transfer that it names

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="transfers")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    debit = models.CharField(max_length=20, choices=Account.choices)
    credit = models.CharField(max_length=20, choices=Account.choices)
    amount = money()
    balance_after = money()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, null=True, related_name="transfers")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="transfers")
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="corrected_by")
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_between_two_accounts"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="transfer_balance_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="grant", debit="cash_clearing", credit="credits_paid")
                | Q(kind="grant", debit="promotional_expense", credit="credits_promotional")
                | Q(kind="usage", debit__in=["credits_paid", "credits_promotional"], credit="usage_revenue")
                | Q(kind="absorbed", debit="absorbed_overrun", credit="usage_revenue")
                | Q(kind="correction", debit="credits_paid", credit="cash_clearing")
                | Q(kind="correction", debit="credits_promotional", credit="promotional_expense"),
                name="transfer_accounts_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="grant", grant__isnull=False, hold__isnull=True, corrects__isnull=True)
                | Q(kind="usage", grant__isnull=False, hold__isnull=False, corrects__isnull=True)
                | Q(kind="absorbed", grant__isnull=True, hold__isnull=False, corrects__isnull=True)
                | Q(kind="correction", grant__isnull=False, hold__isnull=True, corrects__isnull=False),
                name="transfer_names_its_cause",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="transfer_by_organisation"),
            # "What was the balance at this moment?" is one look into the index.
            models.Index(
                fields=["organisation", "-posted_at", "-id"], include=["balance_after"], name="transfer_by_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class IdempotencyRecord(models.Model):
    """A key that was used, with what it asked for (fingerprint) and what it got: the one table of de-duplication."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    scope = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    figures = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "scope", "key"], name="idempotency_key_once"),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "-created_at"], condition=Q(outcome="refused"), name="idempotency_refused"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


class VerificationRun(models.Model):
    """One run of the ledger's invariants over one snapshot."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    started_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    checks = models.PositiveIntegerField()
    violations = models.PositiveIntegerField()
    details = models.JSONField()

    class Meta:
        get_latest_by = "started_at"
        indexes = [models.Index(fields=["-started_at"], name="verification_latest")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} UTC: {self.violations or 'no'} violations"
