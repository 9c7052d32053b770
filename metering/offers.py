"""What an organisation may call at which terms, as this process last looked it up.

An offer says of which edition of the price book it is and how long it is good at most. Whoever authorises on a
remembered one has both checked under the wallet's lock, so that no call is ever priced at terms that are gone.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from metering import answers
from metering.rating import Quote, Terms, Worst, worst_prices
from metering.terms import digest_of
from providers.leaves import Leaf
from providers.models import Model

MOST = 10_000  # offers; then all are looked up again
KINDS = 100  # of calls to one offer whose prices are remembered
_Key = tuple[int, str, str, str]  # organisation, provider, model as named by the caller, service tier
_remembered: dict[_Key, "Offer"] = {}


@dataclass(slots=True)
class Offer:
    """A model at an organisation's terms."""

    model: Model
    terms: Terms
    edition: int
    good_until: str | None  # ISO 8601: when the next rate begins
    digest: uuid.UUID = field(init=False)
    prices: list[answers.Price] = field(init=False)
    _worst: dict[tuple[object, ...], Worst] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.digest, self.prices = digest_of(self.terms), answers.prices(self.terms)

    def quote(self, input_tokens: int, leaves: Collection[Leaf] | None, tools: Mapping[Leaf, int]) -> Quote:
        """As `metering.rating.quote`, from prices that are worked out once for each size class, leaves and tools."""
        reached = tuple(rate.id for rate in self.terms.rates if rate.reaches(input_tokens))
        key = (reached, leaves and tuple(leaves), tuple(tools.items()))
        if (worst := self._worst.get(key)) is None:
            worst = worst_prices(self.terms, input_tokens=input_tokens, leaves=leaves, tools=tools)
            if len(self._worst) < KINDS:
                self._worst[key] = worst
        return worst.quote(input_tokens)


def remembered(organisation_id: int, provider: str, model: str, tier: str) -> Offer | None:
    """The offer as it was last looked up."""
    return _remembered.get((organisation_id, provider, model, tier))


def remember(organisation_id: int, provider: str, model: str, tier: str, offer: Offer) -> None:
    """Keep an offer that was just looked up."""
    if len(_remembered) >= MOST:
        _remembered.clear()
    _remembered[organisation_id, provider, model, tier] = offer


def forget(organisation_id: int, provider: str, model: str, tier: str) -> None:
    """Drop an offer that has turned out to be of an earlier edition."""
    _remembered.pop((organisation_id, provider, model, tier), None)
