"""Writes of the price book."""

from collections.abc import Iterable
from datetime import UTC, datetime

from providers.models import Model, ModelAlias, Provider, Rate
from providers.price_book import MODELS, PROVIDERS, SOURCES, Listed

# The first rates hold from before the first call.
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def load_price_book() -> None:
    """Make the providers, models and first rates where they are missing; existing rows stay as they are."""
    for slug, name in PROVIDERS.items():
        Provider.objects.get_or_create(slug=slug, defaults={"name": name})
    for listed in MODELS:
        model = _model(listed)
        Rate.objects.bulk_create(_rates(model, listed), ignore_conflicts=True)


def _model(listed: Listed) -> Model:
    provider = Provider.objects.get(slug=listed.provider)
    facts = {
        "access_class": listed.access_class,
        "context_tokens": listed.context,
        "max_output_tokens": listed.max_output,
    }
    model, _ = Model.objects.get_or_create(provider=provider, name=listed.name, defaults=facts)
    for alias in listed.aliases:
        ModelAlias.objects.get_or_create(provider=provider, name=alias, defaults={"model": model})
    return model


def _rates(model: Model, listed: Listed) -> Iterable[Rate]:
    for leaf, price, above in listed.prices:
        yield Rate(
            model=model, leaf=leaf.value, price=price, class_above=above, effective_from=BEGINNING,
            source=SOURCES[listed.provider],
        )  # fmt: skip
