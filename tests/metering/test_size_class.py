"""A call that took several requests is in the size class of the largest of them, from the answer to the receipt."""

from decimal import Decimal
from typing import Any

import pytest

from metering.normalising import UnreadableUsage, normalise
from metering.rating import rate_usage
from providers.leaves import Leaf
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, verified
from tests.metering.test_rating import CLIFF

D = Decimal


def turn(kind: str = "message", **usage: int) -> dict[str, Any]:
    return {"type": kind, "output_tokens": 5, **usage}


def message(*iterations: dict[str, Any], **usage: int) -> dict[str, Any]:
    return {"type": "message", "stop_reason": "end_turn", "model": "model"} | {
        "usage": {"output_tokens": 10, "iterations": list(iterations), **usage}
    }


LOOP = [turn(input_tokens=100_000, cache_read_input_tokens=20_000), turn(cache_creation_input_tokens=120_001)]
IN_LOOP = {"input_tokens": 100_000, "cache_read_input_tokens": 20_000, "cache_creation_input_tokens": 120_001}
START = {"type": "message_start", "message": {"usage": {"input_tokens": 1}}}
ADVISOR = turn("advisor_message", input_tokens=90)
COMPACTION = turn("compaction", input_tokens=180_000)


@pytest.mark.parametrize(
    ("answer", "largest"),
    [
        # Turns of a loop of server tools: the top-level figures are their sum.
        (message(*LOOP, **IN_LOOP), 120_001),
        ([START, {"type": "message_delta", "usage": message(*LOOP, **IN_LOOP)["usage"]}], 120_001),
        # Compaction is a request of its own, beside those in the top-level figures.
        (message(COMPACTION, turn(input_tokens=23_000), input_tokens=23_000), 180_000),
        (message(COMPACTION, input_tokens=190_000), 190_000),
        (message(turn("compaction", input_tokens=10), turn(input_tokens=190_000), input_tokens=190_000), 190_000),
        # An advisor's input is another model's and in no class of this one.
        (message(turn(input_tokens=9), ADVISOR, turn(input_tokens=7), input_tokens=16), 9),
        # One request is no several; and what no turn accounts for is taken as one more.
        (message(turn(input_tokens=230_000), input_tokens=230_000), None),
        (message(turn("advisor_message", input_tokens=9), input_tokens=230_000), None),
        (message(turn(input_tokens=1), input_tokens=230_000), 229_999),
        (message(turn(), input_tokens=230_000), None),
        (message(turn(input_tokens=240_000), input_tokens=230_000), None),
        (message(turn(input_tokens=9)), None),
        (message(input_tokens=230_000), None),
    ],
)  # fmt: skip
def test_of_anthropic(answer: Any, largest: int | None) -> None:
    assert normalise("anthropic", answer).largest_request == largest


@pytest.mark.parametrize(
    ("usage", "largest"),
    [
        ({"promptTokenCount": 190_000, "toolUsePromptTokenCount": 20_000}, 190_000),
        ({"promptTokenCount": 190_000, "cachedContentTokenCount": 80_000, "toolUsePromptTokenCount": 9}, 190_000),
        ({"promptTokenCount": 20_000, "toolUsePromptTokenCount": 190_000}, 190_000),
        ({"promptTokenCount": 210_000, "toolUsePromptTokenCount": 0}, None),
        ({"promptTokenCount": 210_000}, None),
        ({"toolUsePromptTokenCount": 210_000}, None),
        ({}, None),
    ],
)
def test_of_google(usage: dict[str, int], largest: int | None) -> None:
    assert normalise("google", {"usageMetadata": usage | {"candidatesTokenCount": 1}}).largest_request == largest


def test_openai_says_nothing_of_several_requests() -> None:
    assert normalise("openai", {"input_tokens": 250_000, "output_tokens": 1}).largest_request is None


def test_a_turn_must_be_made_of_counts() -> None:
    with pytest.raises(UnreadableUsage, match="cache_read_input_tokens is negative"):
        normalise("anthropic", message(turn(cache_read_input_tokens=-1), input_tokens=5))


def test_the_class_is_chosen_by_the_largest_request() -> None:
    usage = {Leaf.INPUT: 250_000, Leaf.OUTPUT: 1_000}
    assert rate_usage(CLIFF, usage, class_tokens=200_000).cost == D("0.322500000")
    assert rate_usage(CLIFF, usage, class_tokens=200_001).cost == D("0.640000000")
    assert rate_usage(CLIFF, usage, class_tokens=None).cost == D("0.640000000")


ANSWERS = {
    "anthropic": (message(COMPACTION, turn(input_tokens=23_000), input_tokens=23_000), 180_000, "0.253900000"),
    "google": (
        {"usageMetadata": {"promptTokenCount": 190_000, "toolUsePromptTokenCount": 20_000, "candidatesTokenCount": 10}},
        190_000, "0.262600000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("provider", ANSWERS)
def test_the_receipt_keeps_it_and_agrees(tenant: Tenant, api: Api, provider: str) -> None:
    answer, largest, charge = ANSWERS[provider]
    model = {"input": "1.25", "output": "10"}
    make_model(model, provider=provider, above={200_000: {"input": "2.50", "output": "15"}})
    call = api.authorise(provider=provider, input_tokens=250_000, max_output_tokens=100).json()["id"]
    receipt = api.send("POST", f"authorisations/{call}/settle", {"provider_response": answer}, key="s").json()
    assert (receipt["charged"], receipt["agrees"], receipt["estimated"]) == (charge, True, False)
    assert one("SELECT class_tokens FROM metering_usagerecord") == (largest,)
    verified()
    assert api.get(f"receipts/{call}").json()["agrees"] is True
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE metering_usagerecord SET class_tokens = NULL")
    assert api.get(f"receipts/{call}").json()["agrees"] is False


def test_a_call_of_one_request_keeps_none(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"})
    call = api.authorise(input_tokens=100, max_output_tokens=10).json()["id"]
    api.settle(call, input=7)
    assert one("SELECT class_tokens FROM metering_usagerecord") == (None,)


def test_a_cut_loop_is_estimated_in_the_class_of_its_largest_turn(tenant: Tenant, api: Api) -> None:
    make_model({"input": "1", "output": "1"}, provider="anthropic", above={200_000: {"input": "2", "output": "2"}})
    call = api.authorise(provider="anthropic", input_tokens=250_000, max_output_tokens=100).json()["id"]
    usage = {"input_tokens": 240_000, "iterations": [turn(input_tokens=120_000), turn(input_tokens=120_000)]}
    answer = {"type": "message", "stop_reason": "end_turn", "usage": usage, "content": [{"text": "x" * 40}]}
    receipt = api.send("POST", f"authorisations/{call}/settle", {"provider_response": answer}, key="s").json()
    assert (receipt["estimated"], receipt["charged"], receipt["agrees"]) == (True, "0.240010000", True)
