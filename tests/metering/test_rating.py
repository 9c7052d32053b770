"""Rating as the providers bill: cases from the field, with leaves given, exact to the last digit."""

from decimal import Decimal

import pytest

from metering.rating import NotPriced, RateTerm, Terms, quote, rate_usage
from providers.leaves import Leaf

D = Decimal


def terms(
    prices: dict[str, str],
    above: dict[int, dict[str, str]] | None = None,
    *,
    inclusive: bool = False,
    markup: str = "1",
    tiers: dict[str, dict[str, str]] | None = None,
) -> Terms:
    rows = [("standard", 0, prices), *(("standard", n, p) for n, p in (above or {}).items())]
    rows += [(tier, 0, p) for tier, p in (tiers or {}).items()]
    rates = [
        RateTerm(i, Leaf(leaf), tier, n, inclusive, D(price), "2026-01-01T00:00:00+00:00")
        for i, (tier, n, leaf, price) in enumerate((t, n, leaf, price) for t, n, p in rows for leaf, price in p.items())
    ]
    return Terms("test", "model", ("model", "alias"), "plain", D(markup), "standard", tuple(rates))


CLIFF = terms({"input": "1.25", "output": "10"}, {200_000: {"input": "2.50", "output": "15"}})


@pytest.mark.parametrize(
    ("usage", "right"),
    [
        # The whole request moves to the class it reaches; marginal pricing would give 0.385, the base 0.3225.
        ({Leaf.INPUT: 250_000, Leaf.OUTPUT: 1_000}, "0.640000000"),
        ({Leaf.INPUT: 200_000, Leaf.OUTPUT: 1_000}, "0.260000000"),
        ({Leaf.INPUT: 200_001, Leaf.OUTPUT: 0}, "0.500002500"),
        # Cached input counts towards the class, since the provider counts the whole prompt.
        ({Leaf.INPUT: 1, Leaf.CACHE_READ: 200_000, Leaf.OUTPUT: 0}, "0.500002500"),
    ],
)
def test_a_request_is_priced_whole_at_the_class_it_reaches(usage: dict[Leaf, int], right: str) -> None:
    assert rate_usage(CLIFF, usage).cost == D(right)


def test_an_inclusive_class_begins_at_its_threshold() -> None:
    inclusive = terms({"input": "1"}, {100: {"input": "2"}}, inclusive=True)
    assert rate_usage(inclusive, {Leaf.INPUT: 99}).cost == D("0.000099")
    assert rate_usage(inclusive, {Leaf.INPUT: 100}).cost == D("0.000200")


@pytest.mark.parametrize(
    ("usage", "right"),
    [
        ({Leaf.INPUT: 25, Leaf.OUTPUT: 15}, "0.000300000"),
        ({Leaf.INPUT: 27, Leaf.OUTPUT: 47}, "0.000786000"),
    ],
)
def test_cumulative_figures_are_charged_once(usage: dict[Leaf, int], right: str) -> None:
    assert rate_usage(terms({"input": "3", "output": "15"}), usage).cost == D(right)


def test_reasoning_and_cached_tokens_are_parts_not_additions() -> None:
    usage = {Leaf.INPUT: 35_045, Leaf.CACHE_READ: 672_256, Leaf.OUTPUT: 12_096 - 7_715, Leaf.REASONING: 7_715}
    rated = rate_usage(terms({"input": "0.75", "cache_read": "0.075", "output": "4.50"}), usage)
    assert rated.cost == D("0.131134950")
    assert rated.flags == ()


@pytest.mark.parametrize(
    ("rate", "tokens", "right"),
    [("15", 12_400, "0.186"), ("1", 28_900, "0.0289"), ("10", 8_200, "0.082")],
)
def test_the_sample_agents_at_flat_rates(rate: str, tokens: int, right: str) -> None:
    half = tokens // 2
    assert rate_usage(terms({"input": rate, "output": rate}), {Leaf.INPUT: half, Leaf.OUTPUT: tokens - half}).cost == D(
        right
    )


def test_rounding_is_half_away_from_zero_and_once_on_the_sum() -> None:
    # 0.0000000005 rounds up (half-even would give 0); three lines of 0.0000000004 are 0.0000000012, not 0.
    assert rate_usage(terms({"input": "0.0005"}), {Leaf.INPUT: 1}).cost == D("0.000000001")
    thirds = terms({"input": "0.0004", "cache_read": "0.0004", "output": "0.0004"})
    usage = {Leaf.INPUT: 1, Leaf.CACHE_READ: 1, Leaf.OUTPUT: 1}
    assert rate_usage(thirds, usage).cost == D("0.000000001")


def test_markup_multiplies_the_price_and_list_cost_stays_without() -> None:
    rated = rate_usage(terms({"input": "5"}, markup="1.2"), {Leaf.INPUT: 1_000_000})
    assert (rated.list_cost, rated.cost) == (D(5), D(6))


def test_the_tier_of_the_response_is_charged() -> None:
    both = terms({"input": "2", "web_search": "10000"}, tiers={"batch": {"input": "1"}})
    assert rate_usage(both, {Leaf.INPUT: 1_000_000}, tier="batch").cost == D(1)
    # What the tier doesn't price itself costs what it costs at the standard tier.
    assert rate_usage(both, {Leaf.WEB_SEARCH: 3}, tier="batch").cost == D("0.03")


def test_what_is_outside_the_terms_is_charged_as_authorised_and_flagged() -> None:
    rated = rate_usage(terms({"input": "2"}), {Leaf.INPUT: 1_000_000}, tier="priority", model="other")
    assert rated.cost == D(2)
    assert ["priority" in f or "other" in f for f in rated.flags] == [True, True]
    assert rate_usage(terms({"input": "2"}), {Leaf.INPUT: 1}, model="alias").flags == ()


def test_an_unpriced_leaf_is_flagged_and_not_guessed() -> None:
    rated = rate_usage(terms({"input": "2", "output": "2"}), {Leaf.INPUT: 1_000_000, Leaf.WEB_SEARCH: 4})
    assert rated.cost == D(2)
    assert rated.flags == ("web_search has no price; not charged.",)


def test_a_quote_takes_the_dearest_input_leaf_unless_the_caller_says_which() -> None:
    cached = terms({"input": "5", "cache_write_1h": "10", "output": "25"})
    assert quote(cached, input_tokens=1_000_000, leaves=None, tools={}).fixed == D(10)
    assert quote(cached, input_tokens=1_000_000, leaves=[Leaf.INPUT], tools={}).fixed == D(5)
    assert quote(cached, input_tokens=0, leaves=None, tools={}).per_output_token == D("0.000025")


def test_a_quote_refuses_what_has_no_price() -> None:
    with pytest.raises(NotPriced):
        quote(terms({"input": "5", "output": "5"}), input_tokens=0, leaves=None, tools={Leaf.WEB_SEARCH: 1})
    with pytest.raises(NotPriced):
        quote(terms({"input": "5"}), input_tokens=0, leaves=None, tools={})
