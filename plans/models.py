"""Plans as rows, and which one an organisation is on."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from organisations.models import Organisation


class Plan(models.Model):
    """A tier. `markup` multiplies list prices; `access_classes` name the models that may be called."""

    slug = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=40)
    markup = models.DecimalField(max_digits=8, decimal_places=6)
    access_classes = ArrayField(models.CharField(max_length=20))
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [models.CheckConstraint(condition=Q(markup__gt=0), name="plan_markup_positive")]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """The plan an organisation is on."""

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE"

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, primary_key=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.organisation} on {self.plan}"


class Edition(models.Model):
    """Which edition of prices, models and plans is in force: one row, another number with every change of them.

    Who remembers what they looked up there says of which edition it is, and is told under the lock if that has gone.
    """

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE (number)"

    only_row = models.BooleanField(primary_key=True, default=True)
    number = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(only_row=True), name="edition_has_one_row")]

    def __str__(self) -> str:
        return f"Edition {self.number}"
