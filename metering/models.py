"""What a call asked for, what it used, and what the platform had to absorb."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Expression
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from organisations.models import Agent, ApiKey, Organisation, Project
from providers.leaves import CACHE_READS, INPUT_SIDE, OUTPUT_SIDE, Leaf
from providers.models import Model
from wallets.models import Charge, Hold, Terms, money


def _tokens(side: frozenset[Leaf]) -> Expression:
    """The sum of some leaves, as an expression that PostgreSQL itself keeps true to them."""
    names = [leaf.value for leaf in Leaf if leaf in side]
    first, *others = [
        Coalesce(Cast(KeyTextTransform(name, "leaves"), models.BigIntegerField()), models.Value(0)) for name in names
    ]
    total: Expression = first
    for other in others:
        total = total + other
    return total


def _counted(side: frozenset[Leaf]) -> "models.GeneratedField":
    return models.GeneratedField(expression=_tokens(side), output_field=models.BigIntegerField(), db_persist=True)


class Call(models.Model):
    """The row beside a hold: which call it is for, what was declared, how far it has come."""

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (dispatched, seq, progress, reported)"

    hold = models.OneToOneField(Hold, on_delete=models.PROTECT, primary_key=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    user = models.CharField(max_length=200, blank=True)  # a label of the caller's, not a member
    run = models.CharField(max_length=200, blank=True)
    input_tokens = models.BigIntegerField()  # declared: an upper bound
    max_output_tokens = models.BigIntegerField(null=True)  # what the call was told it may produce
    clamped = models.BooleanField(default=False)  # to what the wallet could pay, below what was asked for
    ttl_seconds = models.IntegerField()
    dispatched = models.BooleanField()  # sent to the provider: it may cost something even if nothing more is heard
    seq = models.BigIntegerField(default=-1)
    progress = models.JSONField(default=dict)  # usage of the newest report, by leaf
    reported = money(default=0)  # what that usage costs; more than the hold has accrued where it could not grow

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(input_tokens__gte=0), name="call_input_not_negative")]
        indexes = [models.Index(fields=["organisation", "run"], condition=~Q(run=""), name="call_by_run")]

    def __str__(self) -> str:
        return str(self.pk)


class UsageRecord(models.Model):
    """What a settled call used and cost, by disjoint leaves. Never changed; a correction is a further revision."""

    class Status(models.TextChoices):
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    database_rights: ClassVar[str] = "SELECT, INSERT"

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="usage_records")
    # For finished usage that nobody had authorised: what was charged with it, and its terms. A record has one of both.
    intake = models.ForeignKey(
        Charge, on_delete=models.PROTECT, null=True, related_name="usage_records", db_index=False
    )
    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    revision = models.PositiveSmallIntegerField(default=0)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    user = models.CharField(max_length=200, blank=True)
    run = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=9, choices=Status.choices)
    service_tier = models.CharField(max_length=20)
    # Input of the largest of the requests that the call took; NULL: all of its input was one. It chose the size class.
    class_tokens = models.BigIntegerField(null=True)
    leaves = models.JSONField()
    input_tokens = _counted(INPUT_SIDE)
    cached_tokens = _counted(CACHE_READS)  # those of the input that were read from a cache
    output_tokens = _counted(OUTPUT_SIDE)
    raw = models.JSONField(null=True)  # what the provider itself reported; NULL where the caller named the leaves
    list_cost = money()  # at list prices
    cost = money()  # with the plan's markup, rounded once
    charge = money()  # what the wallet paid
    absorbed = money()  # cost - charge: the platform's loss, never the customer's debt
    estimated = models.BooleanField(default=False)
    flags = models.JSONField(default=list)  # what was not as authorised, in words
    occurred_at = models.DateTimeField()
    posted_at = models.DateTimeField()
    local_day = models.DateField()  # of posted_at, in the organisation's billing zone

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hold", "revision"], name="usage_once_per_revision"),
            models.CheckConstraint(
                condition=Q(hold__isnull=False, intake__isnull=True, terms__isnull=True)
                | Q(hold__isnull=True, intake__isnull=False, terms__isnull=False),
                name="usage_of_a_call_or_intake",
            ),
            models.CheckConstraint(
                condition=Q(cost=F("charge") + F("absorbed")), name="usage_cost_is_paid_or_absorbed"
            ),
            models.CheckConstraint(
                condition=Q(revision__gt=0) | Q(list_cost__gte=0, cost__gte=0, charge__gte=0, absorbed__gte=0),
                name="usage_not_negative",
            ),
        ]
        indexes = [
            # Pages read by local day, newest first; `charge` inside lets burn rates be read from the index alone.
            models.Index(
                fields=["organisation", "-local_day", "-posted_at", "-id"], include=["charge"], name="usage_by_day"
            ),
            models.Index(fields=["organisation", "run"], condition=~Q(run=""), name="usage_by_run"),
            models.Index(fields=["intake"], condition=Q(intake__isnull=False), name="usage_by_intake"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class DailyUsage(models.Model):
    """What was used on one local day, summed. Written in the commit of each settlement; `rebuild_usage` makes it anew.

    Pages read these rows, so that they answer in a time that doesn't grow with the number of calls.
    """

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE, DELETE"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    local_day = models.DateField()
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+", db_index=False)
    user = models.CharField(max_length=200, blank=True)
    requests = models.BigIntegerField()
    estimated = models.BigIntegerField()  # how many of them were settled by estimate, corrected later or not
    input_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    list_cost = money()
    cost = money()
    charge = money()
    absorbed = money()

    class Meta:
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "local_day", "project", "agent", "model", "user"], name="daily_usage_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.local_day} {self.charge:f}"


class OverrunAlert(models.Model):
    """A settlement that cost more than its hold and the wallet had: somebody should look why."""

    database_rights: ClassVar[str] = "SELECT, INSERT"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    usage = models.OneToOneField(UsageRecord, on_delete=models.PROTECT, related_name="overrun_alert")
    absorbed = money()
    raised_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(absorbed__gt=0), name="overrun_absorbed_positive")]
        indexes = [models.Index(fields=["-raised_at"], name="overrun_latest")]

    def __str__(self) -> str:
        return f"{self.absorbed:f} absorbed"
