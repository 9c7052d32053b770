"""The terms of a call: made from the price book and the plan, kept as JSON under their digest, read for settling."""

import hashlib
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from common.money import plain
from metering.rating import STANDARD, RateTerm, Terms
from plans.models import Plan
from providers.leaves import Leaf
from providers.models import Model, Rate
from wallets.models import Terms as StoredTerms

MOST = 5000  # terms that a process keeps; then all are read again
_known: dict[uuid.UUID, Terms] = {}


def terms_of(model: Model, plan: Plan, rates: Iterable[Rate], tier: str = STANDARD) -> Terms:
    """Terms from rate rows in force (with prices), for a call that asks for the service tier `tier`."""
    return Terms(
        provider=model.provider.slug,
        model=model.name,
        names=(model.name, *sorted(alias.name for alias in model.aliases.all())),
        plan=plan.slug,
        markup=plan.markup,
        tier=tier,
        rates=tuple(_term(rate) for rate in rates),
    )


def _term(rate: Rate) -> RateTerm:
    assert rate.price is not None  # rates in force have a price
    return RateTerm(
        id=rate.pk,
        leaf=Leaf(rate.leaf),
        tier=rate.service_tier,
        class_above=rate.class_above,
        class_inclusive=rate.class_inclusive,
        per_million=rate.price,
        effective_from=rate.effective_from.isoformat(),
    )


def to_json(terms: Terms) -> dict[str, Any]:
    """JSON for the hold; decimals as strings, since a JSON number would pass through a float on its way back."""
    return {
        "provider": terms.provider,
        "model": terms.model,
        "names": list(terms.names),
        "plan": terms.plan,
        "markup": plain(terms.markup),
        "tier": terms.tier,
        "rates": [
            {
                "id": r.id,
                "leaf": r.leaf.value,
                "tier": r.tier,
                "class_above": r.class_above,
                "class_inclusive": r.class_inclusive,
                "per_million": plain(r.per_million),
                "effective_from": r.effective_from,
            }
            for r in terms.rates
        ],
    }


def from_json(stored: dict[str, Any]) -> Terms:
    """Terms as `to_json` wrote them."""
    rates = tuple(
        RateTerm(**{**r, "leaf": Leaf(r["leaf"]), "per_million": Decimal(r["per_million"])}) for r in stored["rates"]
    )
    known = {"names": tuple(stored["names"]), "markup": Decimal(stored["markup"]), "rates": rates}
    return Terms(**{**stored, **known})


def digest_of(terms: Terms) -> uuid.UUID:
    """The name under which terms are stored: equal terms have the same, others never."""
    return uuid.UUID(bytes=hashlib.blake2b(msgspec.json.encode(to_json(terms)), digest_size=16).digest())


def store(terms: Terms) -> None:
    """Store terms that a hold is about to name; those that are there already stay as they are."""
    stored = StoredTerms(digest=digest_of(terms), body=to_json(terms))
    StoredTerms.objects.bulk_create([stored], ignore_conflicts=True)


def stored_terms(digest: uuid.UUID) -> Terms:
    """The terms with this digest."""
    if digest not in _known:
        learn(digest, StoredTerms.objects.values_list("body", flat=True).get(pk=digest))
    return _known[digest]


def unknown(digests: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """Those of some terms that this process has not read yet."""
    return [digest for digest in set(digests) if digest not in _known]


def learn(digest: uuid.UUID, body: dict[str, Any]) -> None:
    """Keep terms as they are stored; what a digest names never changes."""
    if len(_known) >= MOST:
        _known.clear()
    _known[digest] = from_json(body)
