"""The wallet row, lots of credits (grants), and what finance takes from or adds to them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from organisations.models import Organisation, User
from wallets.models.fields import money, money_or_none


class Wallet(models.Model):
    """What an organisation has: balance = available + held. Changed only under its row lock."""

    database_rights: ClassVar[str] = (
        "SELECT, INSERT, UPDATE (balance, held, last_posted_at, due_at, absorbed_day, absorbed_today, overrun_since)"
    )

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, primary_key=True)
    balance = money(default=0)
    held = money(default=0)
    # No transfer is dated before this: closing a period raises it, so that nothing late can slip in.
    last_posted_at = models.DateTimeField()
    # From when on a lot has to be looked at (it expires, or is owed back): no operation goes by without doing so.
    due_at = models.DateTimeField(null=True)
    # What the platform had to absorb on one local day; above the limit no call is authorised until finance clears it.
    absorbed_day = models.DateField(null=True)
    absorbed_today = money(default=0)
    overrun_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_not_negative"),
            models.CheckConstraint(condition=Q(held__lte=F("balance")), name="wallet_held_within_balance"),
            models.CheckConstraint(condition=Q(absorbed_today__gte=0), name="wallet_absorbed_not_negative"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="wallet_due"),
            models.Index(fields=["overrun_since"], condition=Q(overrun_since__isnull=False), name="wallet_overrun"),
        ]

    def __str__(self) -> str:
        return f"Wallet of {self.organisation}"


class Grant(models.Model):
    """A lot of credits. Spent by priority, then soonest expiry, free before paid, oldest."""

    class Kind(models.TextChoices):
        PAID = "paid", "Paid"
        PROMOTIONAL = "promotional", "Promotional"
        INCLUDED = "included", "Included"

    START_OVER = "start over "  # how the key of a grant begins with which a sandbox started over

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (remaining, owed, barred_at, expiry_mailed_at)"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="grants")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount = money()
    remaining = money()
    priority = models.SmallIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)  # exclusive: at this moment it is expired
    expiry_mailed_at = models.DateTimeField(null=True, blank=True)  # when its organisation was warned of that
    # Included credits: of which period of a subscription, and what of them may live on when it ends.
    period_start = models.DateTimeField(null=True, blank=True)
    rollover_cap = money_or_none()
    rollover_expires_at = models.DateTimeField(null=True, blank=True)
    rolled_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="rolled_to")
    # Money taken back that the lot could not give: collected from what running calls leave of it. No call that is
    # authorised from `barred_at` on spends the lot.
    owed = money(default=0)
    barred_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    key = models.CharField(max_length=100)  # the same key gives no second grant
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="grant_once_per_key"),
            models.UniqueConstraint(
                fields=["organisation", "period_start"],
                condition=Q(kind="included", rolled_from__isnull=True),
                name="grant_included_once_per_period",
            ),
            models.CheckConstraint(condition=Q(kind__in=["paid", "promotional", "included"]), name="grant_kind"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="grant_amount_positive"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("amount")), name="grant_remaining_within_amount"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="grant_has_reason"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("granted_at")), name="grant_expires_later"
            ),
            models.CheckConstraint(
                condition=Q(kind="included", period_start__isnull=False, expires_at__isnull=False)
                | Q(kind__in=["paid", "promotional"], period_start__isnull=True, rollover_cap__isnull=True),
                name="grant_included_has_period",
            ),
            models.CheckConstraint(
                condition=Q(rollover_cap__isnull=True, rollover_expires_at__isnull=True)
                | Q(rollover_cap__gt=0, rollover_expires_at__gt=F("expires_at")),
                name="grant_rollover_outlives_it",
            ),
            models.CheckConstraint(
                condition=Q(owed=0, barred_at__isnull=True) | Q(owed__gt=0, barred_at__isnull=False),
                name="grant_owed_is_barred",
            ),
            models.CheckConstraint(condition=Q(owed__gte=0, owed__lte=F("amount")), name="grant_owed_within_amount"),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "priority", "expires_at", "id"],
                condition=Q(remaining__gt=0),
                name="grant_in_spending_order",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(expires_at__isnull=False, expiry_mailed_at__isnull=True),
                name="grant_expiry_to_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} credits of {self.granted_at:%Y-%m-%d}"


class ClawBack(models.Model):
    """Money of a paid lot that was taken back: a refund, a dispute, a payment that failed after all."""

    class Cause(models.TextChoices):
        REFUND = "refund", "Refund"
        DISPUTE = "dispute", "Dispute"
        REVERSAL = "reversal", "Payment reversed"

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (given_back_at)"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="claw_backs")
    cause = models.CharField(max_length=8, choices=Cause.choices)
    amount = money()  # of the lot's credits, after all earlier ones: never more than were bought
    reason = models.CharField(max_length=500)
    key = models.CharField(max_length=100)
    made_at = models.DateTimeField()
    given_back_at = models.DateTimeField(null=True)  # the dispute was won: undone by opposite transfers

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="claw_back_once_per_key"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="claw_back_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()} of {self.amount:f}"


class Adjustment(models.Model):
    """A correction that finance makes by hand: credits added (above zero) or taken (below), with a reason."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    amount = money()
    reason = models.CharField(max_length=500)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField()
    key = models.CharField(max_length=100)
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="adjustment_once_per_key"),
            models.CheckConstraint(condition=~Q(amount=0), name="adjustment_not_zero"),
            models.CheckConstraint(condition=~Q(reason=""), name="adjustment_has_reason"),
        ]

    def __str__(self) -> str:
        return f"Adjustment of {self.amount:f}"


class OverrunClearance(models.Model):
    """Finance let an organisation's calls go on after too much had to be absorbed."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    suspended_at = models.DateTimeField()
    absorbed = money()
    reason = models.CharField(max_length=500)
    cleared_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    cleared_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="clearance_has_reason")]

    def __str__(self) -> str:
        return f"Cleared {self.cleared_at:%Y-%m-%d %H:%M}"
