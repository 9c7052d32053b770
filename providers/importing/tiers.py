"""Service tiers in the list: prices that a request's context selects."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from genai_prices.types import ModelInfo, PriceVariant, TieredPrices, TimeOfDateConstraint

from providers.importing.slots import STANDARD

Tiers = Mapping[str, Mapping[str, str]]  # name of ours → what the list selects it by
# Each says how fast a request is served, so that its value is what we call the tier.
SELECTORS = ("service_tier", "processing", "speed")
DEFAULT = ("default", STANDARD)
LONGEST = 20


def tiers_of(model: ModelInfo) -> tuple[dict[str, Mapping[str, str]], dict[str, str]]:
    """The model's tiers beside the standard one, and a sentence for each name whose variants are none we
    know."""
    found: dict[str, Mapping[str, str]] = {}
    unread: dict[str, str] = {}
    for variant in model.price_variants or ():
        name, why = _named(variant)
        if not why and name and found.setdefault(name, variant.when) != variant.when:
            why = "it stands for two kinds of request"
        if why:
            unread[name] = f"prices for {_words(variant.when)} are left out: {why}"
    return {name: when for name, when in found.items() if name not in unread}, unread


def overrides(model: ModelInfo, when: Mapping[str, str], moment: datetime) -> dict[str, Decimal | TieredPrices]:
    """The prices that differ from the standard tier's at `moment`; the first variant that has one counts."""
    found: dict[str, Decimal | TieredPrices] = {}
    for variant in model.price_variants or ():
        if variant.when == when and (variant.constraint is None or variant.constraint.active(moment)):
            for key, price in vars(variant.prices).items():
                if price is not None:
                    found.setdefault(key, price)
    return found


def _named(variant: PriceVariant) -> tuple[str, str]:
    """The tier's name and, where it can't be one of ours, why. The standard tier has no name here: it is no variant."""
    [(selector, name), *more] = variant.when.items()
    if isinstance(variant.constraint, TimeOfDateConstraint):
        return name, "they depend on the time of day"
    if more or selector not in SELECTORS or len(name) > LONGEST:
        return name, "no service tier of ours"
    if name in DEFAULT:
        return "", "the standard tier has other ones" if any(
            p is not None for p in vars(variant.prices).values()
        ) else ""
    return name, ""


def _words(when: Mapping[str, str]) -> str:
    return " and ".join(f"{selector} {value}" for selector, value in when.items())
