"""What a call asked for, what it used, and what the platform had to absorb."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from organisations.models import Agent, ApiKey, Organisation, Project
from providers.models import Model
from wallets.models import Hold, money


class Call(models.Model):
    """The row beside a hold: which call it is for, what was declared, how far it has come."""

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (dispatched, seq, progress, reported)"

    hold = models.OneToOneField(Hold, on_delete=models.PROTECT, primary_key=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+")
    user = models.CharField(max_length=200, blank=True)  # a label of the caller's, not a member
    run = models.CharField(max_length=200, blank=True)
    input_tokens = models.BigIntegerField()  # declared: an upper bound
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
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="usage_records")
    revision = models.PositiveSmallIntegerField(default=0)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+")
    user = models.CharField(max_length=200, blank=True)
    run = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=9, choices=Status.choices)
    service_tier = models.CharField(max_length=20)
    leaves = models.JSONField()
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
                condition=Q(cost=F("charge") + F("absorbed")), name="usage_cost_is_paid_or_absorbed"
            ),
            models.CheckConstraint(
                condition=Q(revision__gt=0) | Q(list_cost__gte=0, cost__gte=0, charge__gte=0, absorbed__gte=0),
                name="usage_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-posted_at"], name="usage_by_organisation"),
            models.Index(fields=["organisation", "run"], condition=~Q(run=""), name="usage_by_run"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


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
