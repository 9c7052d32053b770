"""Cases from the field from the provider's raw usage to the charge, exact to the last digit."""

from decimal import Decimal
from typing import Any

import pytest

from metering.normalising import normalise
from metering.rating import rate_usage
from tests.metering.test_normalising_openai import SUBSETS
from tests.metering.test_rating import CLIFF, terms

D = Decimal


@pytest.mark.parametrize(
    ("slug", "usage"),
    [
        ("google", {"promptTokenCount": 250_000, "candidatesTokenCount": 1_000, "totalTokenCount": 251_000}),
        ("openai", {"prompt_tokens": 250_000, "completion_tokens": 1_000, "total_tokens": 251_000}),
        ("openai", {"input_tokens": 250_000, "output_tokens": 1_000, "total_tokens": 251_000}),
        ("anthropic", {"input_tokens": 250_000, "output_tokens": 1_000}),
    ],
)
def test_the_size_class_is_of_the_whole_prompt(slug: str, usage: dict[str, Any]) -> None:
    assert rate_usage(CLIFF, normalise(slug, usage).leaves).cost == D("0.640000000")
    cached = {"cachedContentTokenCount": 240_000, "promptTokenCount": 250_000, "candidatesTokenCount": 1_000}
    assert rate_usage(CLIFF, normalise("google", cached).leaves).cost == D("0.640000000")
    small = {"promptTokenCount": 200_000, "candidatesTokenCount": 1_000}
    assert rate_usage(CLIFF, normalise("google", small).leaves).cost == D("0.260000000")


@pytest.mark.parametrize(
    ("usages", "right"),
    [
        ([{"input_tokens": 25, "output_tokens": 1}, {"output_tokens": 15}], "0.000300000"),
        (
            [
                {"input_tokens": 27, "output_tokens": 1},
                {"input_tokens": 27, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
                | {"output_tokens": 47},
            ],
            "0.000786000",
        ),
        ([{"input_tokens": 27, "output_tokens": 1}, {"output_tokens": 10}, {"output_tokens": 47}], "0.000786000"),
    ],
)
def test_cumulative_deltas_are_charged_once(usages: list[dict[str, int]], right: str) -> None:
    rates = terms({"input": "3", "output": "15"})
    start, *deltas = usages
    events = [{"type": "message_start", "message": {"type": "message", "usage": start}}]
    events += [{"type": "message_delta", "usage": delta} for delta in deltas]
    for stream in (usages, events):
        rated = rate_usage(rates, normalise("anthropic", stream).leaves)
        assert (rated.cost, rated.flags) == (D(right), ())


def test_cached_and_reasoning_tokens_are_subsets() -> None:
    rates = terms({"input": "0.75", "cache_read": "0.075", "output": "4.50"})
    for response in (
        SUBSETS,
        {"object": "response", "usage": SUBSETS},
        [{"type": "response.completed", "response": {"usage": SUBSETS}}],
    ):
        assert rate_usage(rates, normalise("openai", response).leaves).cost == D("0.131134950")
