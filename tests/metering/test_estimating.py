"""What is estimated where the provider's figures are missing: nothing known is left out, nothing is counted twice."""

from typing import Any

import pytest

from metering.ending import estimated
from metering.estimating import estimate, reported_input
from metering.models import Call
from metering.reported import read
from metering.requests import Settle
from metering.terms import digest_of, store
from providers.leaves import Leaf
from tests.metering.test_rating import terms
from wallets.models import Hold

WITH_THOUGHTS = {"input": 7, "output": 50, "reasoning": 400}


@pytest.mark.parametrize(
    ("measured", "progress", "characters", "right"),
    [
        # One output under two names: the report's 450 are the provider's 50 and 400.
        (WITH_THOUGHTS, {"output": 450}, 0, WITH_THOUGHTS),
        (WITH_THOUGHTS, {"output": 470}, 0, WITH_THOUGHTS | {"output": 70}),
        ({"input": 7, "reasoning": 400}, {"output": 450}, 0, WITH_THOUGHTS),
        # Text that had arrived is in the report, too, and in the measured output.
        ({"input": 7, "output": 50}, {"output": 60}, 320, {"input": 7, "output": 80}),
        ({"input": 7, "output": 90}, {"output": 60}, 320, {"input": 7, "output": 90}),
        ({"input": 7}, {"output": 60}, 321, {"input": 7, "output": 81}),
        # Of what the provider did not measure the report's own leaves are kept.
        ({}, {"input": 3, "output": 60, "output_audio": 9}, 0, {"input": 100, "output": 60, "output_audio": 9}),
        ({"cache_read": 5}, {"input": 3}, 4, {"cache_read": 5, "output": 1}),
        # Tool calls are no output: the larger figure. A request is counted elsewhere.
        ({"input": 7, "web_search": 2}, {"web_search": 3}, 0, {"input": 7, "web_search": 3}),
        ({"input": 7}, {"web_fetch": 1}, 0, {"input": 7, "web_fetch": 1}),
        ({"input": 7, "web_search": 2}, {"web_search": 1, "request": 5}, 0, {"input": 7, "web_search": 2}),
    ],
)  # fmt: skip
def test_the_output_is_compared_as_a_sum(
    measured: dict[str, int], progress: dict[str, int], characters: int, right: dict[str, int]
) -> None:
    known = {Leaf(leaf): tokens for leaf, tokens in measured.items()}
    assert estimate(input_bound=100, progress=progress, measured=known, streamed_characters=characters) == right


BEGUN = {"choices": [{"index": 0, "delta": {"content": "Hell"}}]}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("response", "progress", "settled", "expired"),
    [
        (BEGUN, {}, 1000, 1000),
        (BEGUN, {"output": 3}, 1000, 1000),
        (BEGUN, {"input": 0, "output": 3}, 1000, 1000),
        # Settled, the caller's own figure counts, above or below the bound it had declared; expired, the larger one.
        (BEGUN, {"input": 30, "cache_read": 7}, 37, 1000),
        (BEGUN, {"input": 1200}, 1200, 1200),
        ([BEGUN, {"choices": [], "usage": {"prompt_tokens": 12}}], {"input": 30}, 12, 1000),
    ],
)
def test_the_input_of_a_settled_call_and_of_an_expired_one(
    response: Any, progress: dict[str, int], settled: int, expired: int
) -> None:
    report = read(Settle(provider_response=response), provider="openai", declared_input=1000, progress=progress)
    assert reported_input({leaf.value: tokens for leaf, tokens in report.leaves.items()}) == settled
    agreed = terms({"input": "1", "output": "1"})
    store(agreed)
    hold = Hold(terms_id=digest_of(agreed))
    call = Call(hold=hold, input_tokens=1000, progress=progress)
    leaves = estimated(call, ended_by="expiry", flag="Not settled in time.").leaves
    assert leaves["input"] == expired
