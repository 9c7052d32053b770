"""The price book: which models there are and what a leaf of usage costs from which moment on, at list price."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from providers.leaves import Leaf


class Provider(models.Model):
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Model(models.Model):
    """A language model as its provider names it."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=100)
    access_class = models.CharField(max_length=20, help_text="Plans name the classes they include.")
    context_tokens = models.PositiveIntegerField()
    max_output_tokens = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="model_name_once"),
            models.CheckConstraint(condition=Q(max_output_tokens__gt=0), name="model_has_output"),
        ]

    def __str__(self) -> str:
        return f"{self.provider.slug}/{self.name}"


class ModelAlias(models.Model):
    """Another name under which the provider serves the same model: an alias or a dated snapshot."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="aliases")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="model_alias_once")]
        verbose_name_plural = "model aliases"

    def __str__(self) -> str:
        return self.name


class Rate(models.Model):
    """What one million of a leaf costs from `effective_from` on; the next row of the same kind ends it.

    The size class: the whole request is priced at the class that its input tokens reach. `price` NULL says "no longer
    priced", which is not zero. Rows are never changed.
    """

    database_rights: ClassVar[str] = "SELECT, INSERT"

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="rates")
    leaf = models.CharField(max_length=20, choices=[(leaf.value, leaf.value) for leaf in Leaf])
    service_tier = models.CharField(max_length=20, default="standard")
    class_above = models.PositiveIntegerField(default=0, help_text="Input tokens at which this size class begins.")
    class_inclusive = models.BooleanField(default=False, help_text="Exactly that many tokens belong to this class.")
    price = models.DecimalField(max_digits=20, decimal_places=9, null=True, help_text="Per 1M, list price.")
    effective_from = models.DateTimeField()
    source = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "leaf", "service_tier", "class_above", "effective_from"], name="rate_once_per_date"
            ),
            models.CheckConstraint(condition=Q(price__gte=0) | Q(price__isnull=True), name="rate_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.leaf}"
