"""What calls hold, what finished usage is charged, and which keys were used for what."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from organisations.models import Organisation
from wallets.models.fields import money


class Terms(models.Model):
    """What calls were promised: rates and markup, as the caller froze them. Named by their own digest, never changed.

    Many calls have the same, so each hold names one row instead of carrying kilobytes of its own.
    """

    database_rights: ClassVar[str] = "SELECT, INSERT"

    digest = models.UUIDField(primary_key=True)
    body = models.JSONField()  # not read here

    class Meta:
        verbose_name_plural = "terms"

    def __str__(self) -> str:
        return str(self.digest)


class Hold(models.Model):
    """Money set aside for one call until it settles, is released or expires: exactly one of them."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    database_rights: ClassVar[str] = (
        "SELECT, INSERT, UPDATE (amount, accrued, state, ended_by, ended_at, expires_at, budget_periods)"
    )

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="holds", db_constraint=False, db_index=False
    )
    amount = money()
    accrued = money(default=0)  # reported by progress, at most the amount: pages show it as spent
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    ended_by = models.CharField(max_length=6, default="", blank=True)
    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="+", db_index=False)
    # What the call is booked on ("agent:7", "run:nightly"): which budgets count it, also those made later.
    subjects = ArrayField(models.CharField(max_length=220), default=list)
    budget_periods = ArrayField(models.BigIntegerField(), default=list)  # those that hold its amount now
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


class Charge(models.Model):
    """What finished usage cost that nobody had authorised: all of one report, charged in one step."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    cost = money()
    charged = money()
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(charged__gte=0, charged__lte=F("cost")), name="charge_within_cost"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class IdempotencyRecord(models.Model):
    """A key that was used, with what it asked for (fingerprint) and what it got: the one table of de-duplication."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
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
