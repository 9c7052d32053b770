"""What usage costs. Pure: facts in, figures out; no database, no clock.

Terms are frozen when a call is authorised: every rate that can occur for its model (size classes, service tiers) and
the plan's markup. A call is priced whole at the size class that the input of its largest request reaches, at the tier
of the response.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from common.money import EXACT, round_charge
from providers.leaves import INPUT_SIDE, OUTPUT_SIDE, PART_OF, Leaf

MILLION = Decimal(1_000_000)
STANDARD = "standard"
# Providers date the snapshots of a model: "-20251001", "-2025-12-11".
SNAPSHOT = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True)
class RateTerm:
    """One rate row as it was in force: list price per million of a leaf."""

    id: int
    leaf: Leaf
    tier: str
    class_above: int
    class_inclusive: bool
    per_million: Decimal
    effective_from: str

    def reaches(self, input_tokens: int) -> bool:
        """Whether a request with so many input tokens is in this rate's size class or a larger one."""
        if self.class_above == 0:
            return True
        return input_tokens > self.class_above or (self.class_inclusive and input_tokens == self.class_above)


@dataclass(frozen=True)
class Terms:
    """What was agreed when the call was authorised."""

    provider: str
    model: str
    names: tuple[str, ...]  # every name under which the provider may answer as this model
    plan: str
    markup: Decimal
    tier: str
    rates: tuple[RateTerm, ...]

    def names_model(self, model: str) -> bool:
        """Whether the provider's answer may name the model so: a name, an alias, or a dated snapshot of one."""
        bare = model.removeprefix("models/")
        return bare in self.names or SNAPSHOT.sub("", bare) in self.names

    @functools.cached_property
    def tiers(self) -> frozenset[str]:
        return frozenset(rate.tier for rate in self.rates)

    def rate_for(self, leaf: Leaf, tier: str, input_tokens: int) -> RateTerm | None:
        """The rate that prices `leaf`: of its tier before the standard one, of the largest class reached; a leaf
        without a price of its own is priced as the leaf it is part of. None: not priced."""
        wanted: Leaf | None = leaf
        while wanted is not None:
            for level in (tier, STANDARD):
                for rate in self._by_leaf.get((wanted, level), ()):
                    if rate.reaches(input_tokens):
                        return rate
            wanted = PART_OF.get(wanted)
        return None

    @functools.cached_property
    def _by_leaf(self) -> dict[tuple[Leaf, str], list[RateTerm]]:
        """The rates of each leaf and tier, that of the largest size class first."""
        found: dict[tuple[Leaf, str], list[RateTerm]] = {}
        for rate in sorted(self.rates, key=lambda r: -r.class_above):
            found.setdefault((rate.leaf, rate.tier), []).append(rate)
        return found

    @functools.cached_property
    def per_request(self) -> bool:
        """Whether the model has a price per request."""
        return any(rate.leaf is Leaf.REQUEST for rate in self.rates)


@dataclass(frozen=True)
class Quote:
    """The worst case of a call: `fixed` plus `per_output_token` for each token of output; exact, not rounded."""

    fixed: Decimal
    per_output_token: Decimal


@dataclass(frozen=True)
class Worst:
    """The dearest prices that a call may meet, per million; `extras` are those of its tools and its request."""

    per_input: Decimal
    per_output: Decimal
    extras: Decimal

    def quote(self, input_tokens: int) -> Quote:
        """The worst case of a call with at most so many input tokens."""
        with localcontext(EXACT):
            return Quote((input_tokens * self.per_input + self.extras) / MILLION, self.per_output / MILLION)


@dataclass(frozen=True)
class Line:
    """One leaf of a receipt; `amount` is exact, with markup. `rate` None: the leaf is not priced."""

    leaf: Leaf
    tokens: int
    rate: RateTerm | None
    price: Decimal | None  # per million, with markup
    amount: Decimal


@dataclass(frozen=True)
class Rated:
    """What a call cost: `list_cost` without and `cost` with markup, each rounded once; `exact` is cost before that."""

    tier: str
    lines: tuple[Line, ...]
    exact: Decimal
    cost: Decimal
    list_cost: Decimal
    flags: tuple[str, ...] = field(default=())


class NotPriced(Exception):
    """A leaf that the call is sure to use has no price: the call can't be quoted."""


def quote(terms: Terms, *, input_tokens: int, leaves: Iterable[Leaf] | None, tools: Mapping[Leaf, int]) -> Quote:
    """The worst case of a call with at most `input_tokens`, at the terms' tier.

    `leaves`: the input leaves the request can use (None: every priced one); the dearest counts. `tools`: the most calls
    of each server tool. Raises `NotPriced`.
    """
    return worst_prices(terms, input_tokens=input_tokens, leaves=leaves, tools=tools).quote(input_tokens)


def worst_prices(terms: Terms, *, input_tokens: int, leaves: Iterable[Leaf] | None, tools: Mapping[Leaf, int]) -> Worst:
    """What `quote` is made of: the same for all calls of one size class with the same leaves and tools."""
    with localcontext(EXACT):
        priced = {rate.leaf for rate in terms.rates}
        inputs = set(leaves) if leaves is not None else (priced & INPUT_SIDE) or {Leaf.INPUT}
        per_input = max(_price(terms, leaf, input_tokens) for leaf in inputs)
        per_output = max(_price(terms, leaf, input_tokens) for leaf in (priced & OUTPUT_SIDE) | {Leaf.OUTPUT})
        counted = with_request(terms, tools)
        extras = sum((n * _price(terms, leaf, input_tokens) for leaf, n in counted.items() if n), Decimal(0))
        return Worst(per_input, per_output, extras)


def with_request(terms: Terms, usage: Mapping[Leaf, int]) -> Mapping[Leaf, int]:
    """The usage with its one request, where the model has a price per request."""
    return {**usage, Leaf.REQUEST: 1} if terms.per_request else usage


def rate_usage(
    terms: Terms,
    usage: Mapping[Leaf, int],
    *,
    tier: str | None = None,
    model: str | None = None,
    class_tokens: int | None = None,
) -> Rated:
    """What `usage` (disjoint leaves) costs at the terms.

    `class_tokens` is the input of the largest request where the provider made several for the call; None: all of the
    input was one request. It chooses the size class.
    `tier` and `model` are those of the provider's response. One outside the terms is charged at the authorised ones
    and flagged, as is a leaf without a price: usage is never lost.
    """
    flags = []
    if model is not None and not terms.names_model(model):
        flags.append(f"The response names model {model}; charged as {terms.model}.")
    if tier is not None and tier not in terms.tiers:
        flags.append(f"The response names service tier {tier}; charged as {terms.tier}.")
        tier = None
    used = tier or terms.tier
    with localcontext(EXACT):
        all_input = sum(n for leaf, n in usage.items() if leaf in INPUT_SIDE)
        input_tokens = all_input if class_tokens is None else class_tokens
        lines = tuple(_line(terms, leaf, usage[leaf], used, input_tokens) for leaf in Leaf if leaf in usage)
        flags += [f"{line.leaf} has no price; not charged." for line in lines if line.rate is None and line.tokens]
        exact = sum((line.amount for line in lines), Decimal(0))
        listed = sum((line.tokens * line.rate.per_million for line in lines if line.rate), Decimal(0)) / MILLION
    return Rated(used, lines, exact, round_charge(exact), round_charge(listed), tuple(flags))


def _price(terms: Terms, leaf: Leaf, input_tokens: int) -> Decimal:
    rate = terms.rate_for(leaf, terms.tier, input_tokens)
    if rate is None:
        raise NotPriced(leaf)
    return rate.per_million * terms.markup


def _line(terms: Terms, leaf: Leaf, tokens: int, tier: str, input_tokens: int) -> Line:
    rate = terms.rate_for(leaf, tier, input_tokens)
    if rate is None:
        return Line(leaf, tokens, None, None, Decimal(0))
    price = rate.per_million * terms.markup
    return Line(leaf, tokens, rate, price, tokens * price / MILLION)
