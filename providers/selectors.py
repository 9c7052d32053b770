"""Reads of the price book."""

from datetime import datetime

from django.db.models import Min, Q, QuerySet

from providers.models import Model, Rate


def find_model(provider: str, name: str) -> Model | None:
    """The model that `provider` (slug) serves under `name`, which may be an alias or a dated snapshot."""
    return (
        Model.objects.select_related("provider")
        .filter(Q(name=name) | Q(aliases__name=name), provider__slug=provider)
        .order_by("pk")
        .first()
    )


def all_models() -> QuerySet[Model]:
    """Every model with its provider and aliases, by provider and name."""
    return Model.objects.select_related("provider").prefetch_related("aliases").order_by("provider__slug", "name")


def rates_in_force(model_ids: list[int], at: datetime) -> list[Rate]:
    """The rate rows in force at `at` (aware) of these models; a leaf whose newest row has no price is left out."""
    return [rate for rate in newest_rates(at).filter(model_id__in=model_ids) if rate.price is not None]


def newest_rates(at: datetime) -> QuerySet[Rate]:
    """Of each leaf, tier and size class the newest row that has begun at `at` (aware), also one without a price."""
    return (
        Rate.objects.filter(effective_from__lte=at)
        .order_by("model_id", "leaf", "service_tier", "class_above", "-effective_from")
        .distinct("model_id", "leaf", "service_tier", "class_above")
    )


def next_change(model_id: int, at: datetime) -> datetime | None:
    """When the next rate of a model begins after `at` (aware); None where none is dated ahead."""
    found: datetime | None = Rate.objects.filter(model_id=model_id, effective_from__gt=at).aggregate(
        next=Min("effective_from")
    )["next"]
    return found
