"""The list as it is installed: no network, and the package's updater is never started."""

from datetime import UTC, datetime, time
from importlib.metadata import version

from genai_prices.types import ConditionalPrice, ModelInfo, Provider, StartDateConstraint, TimeOfDateConstraint

from providers.importing.listed import Listed, Step, Unreadable
from providers.importing.names import exact_names, same_model
from providers.importing.prices import priced, prices_at
from providers.importing.tiers import overrides, tiers_of
from providers.importing.units import COUNTED

PACKAGE = "genai-prices"


class World:
    """The providers, models and prices that the world is said to have, at one moment (UTC)."""

    def __init__(self, providers: list[Provider], edition: str, at: datetime) -> None:
        self._providers = {provider.id: provider for provider in providers}
        self.edition = edition
        self.at = at

    def source(self, provider: str) -> str:
        """What a rate from here names as its source."""
        pages = self._providers[provider].pricing_urls or []
        return ", ".join([self.edition, *pages[:1]])[:200]

    def names(self, provider: str) -> list[str]:
        """The names of the provider's models; none where the list doesn't know the provider."""
        return [model.id for model in self._providers[provider].models] if provider in self._providers else []

    def find(self, provider: str, name: str) -> Listed | None:
        """The model `name` as the list has it, there perhaps with another date in its name; never another provider's
        of the same name."""
        known, model = self._providers.get(provider), self._matched(provider, name)
        if not known or not model or not same_model(name, model.id):
            return None
        try:
            return _listed(model, known, self.at)
        except Unreadable as error:
            return Listed(model.id, refused=str(error))

    def another(self, provider: str, name: str) -> str:
        """The list's model that it would charge `name` as although it is another one ("" where there is none)."""
        model = self._matched(provider, name)
        return model.id if model and not same_model(name, model.id) else ""

    def _matched(self, provider: str, name: str) -> ModelInfo | None:
        """The model that the list charges `name` as: many are matched by how a name begins."""
        known = self._providers.get(provider)
        return known.find_model(name) if known else None


def installed_world(at: datetime) -> World:
    """The list of the installed package as of `at` (UTC)."""
    # Imported here: it is large, and only who imports prices needs it.
    from genai_prices.data import providers

    return World(providers, f"{PACKAGE} {version(PACKAGE)}", at)


def _listed(model: ModelInfo, provider: Provider, at: datetime) -> Listed:
    if any(isinstance(price.constraint, TimeOfDateConstraint) for price in _conditional(model)):
        raise Unreadable("its prices depend on the time of day")
    tiers, unread = tiers_of(model)
    moments = _moments(model, at)
    keys: set[str] = set()
    for moment in moments:
        keys.update(priced(model.get_prices(moment)), *(overrides(model, when, moment) for when in tiers.values()))
    return Listed(
        name=model.id,
        context=model.context_window,
        deprecated=bool(model.deprecated),
        aliases=exact_names(model, provider),
        steps=tuple(Step(moment, prices_at(model, tiers, moment)) for moment in moments),
        uncounted=tuple(sorted(keys - COUNTED)),
        unread=tuple(unread.values()),
        unclear=frozenset(unread),
    )


def _moments(model: ModelInfo, at: datetime) -> list[datetime]:
    """Now, and the days to come on which a price changes; the list's days begin at midnight UTC."""
    constraints = [*(p.constraint for p in _conditional(model)), *(v.constraint for v in model.price_variants or ())]
    days = {c.start_date for c in constraints if isinstance(c, StartDateConstraint)}
    return [at, *(datetime.combine(day, time(), UTC) for day in sorted(days) if day > at.date())]


def _conditional(model: ModelInfo) -> list[ConditionalPrice]:
    return model.prices if isinstance(model.prices, list) else []
