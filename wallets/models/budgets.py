"""Budgets and how far each is used in its periods."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Concat

from organisations.models import Organisation
from wallets.models.fields import money


class Budget(models.Model):
    """What may be spent for one subject in a period. Counted in the period in which a call is authorised."""

    class Scope(models.TextChoices):
        ORGANISATION = "organisation", "Organisation"
        PROJECT = "project", "Project"
        AGENT = "agent", "Agent"
        MEMBER = "member", "Member"
        KEY = "key", "API key"
        RUN = "run", "Run"

    class Period(models.TextChoices):
        DAY = "day", "Day"
        MONTH = "month", "Month"
        TOTAL = "total", "In total"

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (amount, hard, alert_percent, ended_at)"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="budgets")
    scope = models.CharField(max_length=12, choices=Scope.choices)
    target = models.CharField(max_length=200, blank=True)  # id of the project, agent or key; label of member or run
    # "scope:target", under which calls name what they are booked on.
    subject = models.GeneratedField(
        expression=Concat("scope", models.Value(":"), "target"), output_field=models.CharField(max_length=220),
        db_persist=True,
    )  # fmt: skip
    period = models.CharField(max_length=5, choices=Period.choices)
    amount = money()
    hard = models.BooleanField(default=True)  # stops calls; else it only alerts
    alert_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "subject", "period"], condition=Q(ended_at__isnull=True),
                name="budget_once_per_subject",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="budget_not_negative"),
            models.CheckConstraint(
                condition=Q(alert_percent__isnull=True) | Q(alert_percent__gte=1, alert_percent__lte=100),
                name="budget_alert_percent",
            ),
            models.CheckConstraint(
                condition=Q(scope="organisation", target="") | (~Q(scope="organisation") & ~Q(target="")),
                name="budget_names_its_target",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.target} {self.amount:f} {self.get_period_display()}"


class BudgetPeriod(models.Model):
    """How far a budget is used in one of its periods, which began on the local day `starts`."""

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (used, held, alerted_at, mailed_at)"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="periods", db_index=False)
    starts = models.DateField()
    used = money(default=0)  # charged by calls that were authorised in it
    held = money(default=0)
    alerted_at = models.DateTimeField(null=True)  # when `used` reached the alert
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts"], name="budget_period_once"),
            models.CheckConstraint(condition=Q(used__gte=0, held__gte=0), name="budget_period_not_negative"),
        ]
        indexes = [
            models.Index(
                fields=["alerted_at"], condition=Q(alerted_at__isnull=False, mailed_at__isnull=True),
                name="budget_period_to_mail",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.budget_id} from {self.starts}"
