# ruff: noqa: E501  (answers of providers, as they come)
"""Settling with the provider's own answer: through HTTP, to the last digit, missing usage estimated and said so."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, verified, wallet

D = Decimal
CLIFF = {"input": "1.25", "output": "10"}
CLIFF_ABOVE = {200_000: {"input": "2.50", "output": "15"}}
CACHED = {"input": "0.75", "cache_read": "0.075", "output": "4.50"}
START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "model", "usage": {"input_tokens": 25, "output_tokens": 1}},
}
RESPONSES = {
    "input_tokens": 707_301, "input_tokens_details": {"cached_tokens": 672_256}, "output_tokens": 12_096,
    "output_tokens_details": {"reasoning_tokens": 7_715}, "total_tokens": 719_397,
}  # fmt: skip


def delta(**usage: int) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}


def settle(api: Api, response: Any, *, key: str | None = None, status: int = 200, **asked: Any) -> Any:
    """Authorise generously, then settle with what the provider answered."""
    call = api.authorise(**{"input_tokens": 800_000, "max_output_tokens": 20_000, "dispatched": True, **asked})
    assert call.status_code == 201, call.content
    body = {"provider_response": response}
    answer = api.send("POST", f"authorisations/{call.json()['id']}/settle", body, key=key or call.json()["id"])
    assert answer.status_code == status, answer.content
    return answer.json()


CASES: dict[str, tuple[str, dict[str, Any], Any, str]] = {
    "above the cliff": (
        "google", {"prices": CLIFF, "above": CLIFF_ABOVE},
        {"modelVersion": "model", "usageMetadata": {"promptTokenCount": 250_000, "candidatesTokenCount": 1_000, "totalTokenCount": 251_000}},
        "0.640000000",
    ),
    "exactly at the cliff": (
        "google", {"prices": CLIFF, "above": CLIFF_ABOVE},
        {"usageMetadata": {"promptTokenCount": 200_000, "candidatesTokenCount": 1_000, "totalTokenCount": 201_000}},
        "0.260000000",
    ),
    "start and delta": ("anthropic", {"prices": {"input": "3", "output": "15"}}, [START, delta(output_tokens=15)], "0.000300000"),
    "bare start and delta": (
        "anthropic", {"prices": {"input": "3", "output": "15"}},
        [{"input_tokens": 25, "output_tokens": 1}, {"output_tokens": 15}], "0.000300000",
    ),
    "cumulative delta with input": (
        "anthropic", {"prices": {"input": "3", "output": "15"}},
        [{"input_tokens": 27, "output_tokens": 1},
         {"input_tokens": 27, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 47}],
        "0.000786000",
    ),
    "two deltas": (
        "anthropic", {"prices": {"input": "3", "output": "15"}}, [START, delta(output_tokens=10), delta(output_tokens=47)], "0.000780000",
    ),
    "responses with subsets": ("openai", {"prices": CACHED}, {"model": "model", "usage": RESPONSES}, "0.131134950"),
    "the usage object alone": ("openai", {"prices": CACHED}, RESPONSES, "0.131134950"),
    "a provider of another name": ("elsewhere", {"prices": CACHED}, RESPONSES, "0.131134950"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_charge_is_exact(tenant: Tenant, api: Api, name: str) -> None:
    provider, model, response, charge = CASES[name]
    make_model(provider=provider, **model)
    receipt = settle(api, response, provider=provider)
    assert (receipt["charged"], receipt["estimated"], receipt["agrees"]) == (charge, False, True)
    assert wallet(tenant.id) == (D(100) - D(charge), D(0))
    assert one("SELECT raw IS NOT NULL, charge FROM metering_usagerecord")[:] == (True, D(charge))
    assert json.dumps(receipt["provider_usage"]) != "null"
    verified()


def test_thirteen_requests_add_up_to_the_last_digit(tenant: Tenant, api: Api) -> None:
    make_model(CACHED, provider="openai")
    parts = [
        (707_301 // 13 + (n < 707_301 % 13), 672_256 // 13 + (n < 672_256 % 13), 12_096 // 13 + (n < 12_096 % 13))
        for n in range(13)
    ]
    for prompt, cached, output in parts:
        usage = {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": output,
            "total_tokens": prompt + output,
        }
        settle(api, usage, provider="openai", input_tokens=60_000)
    assert wallet(tenant.id)[0] == D(100) - D("0.131134950")
    assert one("SELECT sum(charge), sum(requests), sum(input_tokens), sum(cached_tokens), sum(output_tokens) FROM metering_dailyusage") == (
        D("0.131134950"), 13, 707_301, 672_256, 12_096,
    )  # fmt: skip


def test_a_stream_cut_after_its_start_is_estimated_and_not_one_token(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="anthropic")
    receipt = settle(api, [START], provider="anthropic", input_tokens=100)
    assert receipt["estimated"] is True
    assert {line["leaf"]: line["tokens"] for line in receipt["leaves"]} == {"input": 25}
    assert receipt["charged"] == "0.000075000"
    assert any("estimated" in flag for flag in receipt["flags"])


def test_a_cut_stream_is_charged_for_what_arrived_or_was_reported(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="anthropic")
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 401}}
    call = api.authorise(provider="anthropic", input_tokens=100, max_output_tokens=500).json()["id"]
    assert api.progress(call, 1, output=60).json()["decision"] == "continue"
    answer = api.send(
        "POST", f"authorisations/{call}/settle", {"provider_response": [START, text], "status": "failed"}, key="cut"
    )
    assert {line["leaf"]: line["tokens"] for line in answer.json()["leaves"]} == {"input": 25, "output": 101}
    assert "x" * 40 not in json.dumps(answer.json()["provider_usage"])


def test_absent_usage_is_estimated_from_what_was_declared_and_reported(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="openai")
    response = {"id": "chatcmpl-1", "object": "chat.completion", "model": "model", "choices": [], "usage": None}
    call = api.authorise(provider="openai", input_tokens=100, max_output_tokens=500).json()["id"]
    api.progress(call, 1, output=60)
    receipt = api.send("POST", f"authorisations/{call}/settle", {"provider_response": response}, key="s").json()
    assert (receipt["estimated"], receipt["charged"]) == (True, "0.001200000")
    assert one("SELECT estimated, leaves FROM metering_usagerecord") == (True, {"input": 100, "output": 60})
    assert one("SELECT estimated, requests FROM metering_dailyusage") == (1, 1)
    verified()


def test_model_and_tier_are_the_responses(tenant: Tenant, api: Api) -> None:
    from providers.models import Rate

    model = make_model({"input": "2", "output": "10"}, provider="openai")
    base = Rate.objects.filter(model=model).first()
    assert base is not None
    for leaf, price in (("input", "1"), ("output", "5")):
        Rate.objects.create(
            model=model, leaf=leaf, price=D(price), service_tier="flex", effective_from=base.effective_from, source="t"
        )
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    flex = settle(api, {"model": "model-2026-01-02", "service_tier": "flex", "usage": usage}, provider="openai")
    assert (flex["service_tier"], flex["charged"], flex["flags"]) == ("flex", "0.001500000", [])
    other = settle(api, {"model": "another", "service_tier": "default", "usage": usage}, provider="openai")
    assert (other["service_tier"], other["charged"]) == ("standard", "0.003000000")
    assert other["flags"] == ["The response names model another; charged as model."]


def test_a_contradiction_is_flagged_with_the_difference_and_never_overcharged(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "cache_read": "0.3", "output": "15"}, provider="openai")
    usage = {
        "prompt_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 130},
        "completion_tokens": 10,
        "total_tokens": 140,
    }
    receipt = settle(api, {"model": "model", "usage": usage}, provider="openai")
    assert receipt["flags"]
    assert "30" in " ".join(receipt["flags"])
    assert D(receipt["charged"]) <= D("0.000450000")
    assert all(line["tokens"] >= 0 for line in receipt["leaves"])


@pytest.mark.parametrize(
    "response",
    ["text", 5, True, None, [], [1], {"hello": 1}, {"usage": 5}, {"usage": {"prompt_tokens": -1, "completion_tokens": 1}},
     {"usage": {"prompt_tokens": 1.5, "completion_tokens": 1}}, {"usage": {"prompt_tokens": 10**19, "completion_tokens": 1}},
     {"usage": {"prompt_tokens": "12", "completion_tokens": 1}}, {"usage": {"prompt_tokens": True, "completion_tokens": 1}}],
    ids=repr,
)  # fmt: skip
def test_an_unreadable_answer_names_the_field_and_changes_nothing(tenant: Tenant, api: Api, response: Any) -> None:
    make_model({"input": "3", "output": "15"}, provider="openai")
    problem = settle(api, response, provider="openai", status=422)
    assert problem["code"] == "invalid_fields"
    assert problem["errors"][0]["field"].startswith("provider_response")
    assert one("SELECT count(*) FROM metering_usagerecord") == (0,)
    assert one("SELECT state FROM wallets_hold") == ("open",)


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "é" * 50, "z" * 40_000], ids=["NUL", "surrogate", "accents", "long"])
def test_odd_text_in_an_answer_is_no_way_to_break_a_settlement(tenant: Tenant, api: Api, odd: str) -> None:
    make_model({"input": "3", "output": "15"}, provider="openai")
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11, "note": odd, "big": 10**25}
    call = api.authorise(provider="openai", input_tokens=100, max_output_tokens=50).json()["id"]
    body = json.dumps({"provider_response": {"id": odd, "model": odd[:100], "usage": usage}})
    answer = api.send("POST", f"authorisations/{call}/settle", body, key="odd")
    assert answer.status_code in (200, 400, 422), answer.content
    if answer.status_code == 200:
        assert answer.json()["charged"] == "0.000045000"
        verified()


def test_usage_or_answer_and_not_both(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"})
    call = api.authorise(input_tokens=100, max_output_tokens=50).json()["id"]
    both = {"usage": {"output": 1}, "provider_response": {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}}
    for body in (both, {}):
        assert api.send("POST", f"authorisations/{call}/settle", body, key="x").status_code == 422


def test_the_same_answer_again_is_the_same_receipt(tenant: Tenant, api: Api) -> None:
    make_model(CACHED, provider="openai")
    call = api.authorise(provider="openai", input_tokens=800_000, max_output_tokens=20_000).json()["id"]
    answers = [
        api.send("POST", f"authorisations/{call}/settle", {"provider_response": RESPONSES}, key="once")
        for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert one("SELECT count(*) FROM metering_usagerecord") == (1,)


def test_a_price_per_request_is_held_and_charged_once(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15", "request": "5000"}, provider="openai")
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    receipt = settle(api, {"usage": usage}, provider="openai", input_tokens=100, max_output_tokens=100)
    assert receipt["held"] == "0.006800000"
    assert receipt["charged"] == "0.005060000"
    assert make_tenant("ben").id != tenant.id
    verified()


ERRORS = {
    "openai": {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}},
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    "google": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota"}},
}


@pytest.mark.parametrize("provider", ERRORS)
@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]], ids=["whole", "streamed"])
def test_an_answer_that_is_nothing_but_an_error_costs_nothing(
    tenant: Tenant, api: Api, provider: str, wrap: Any
) -> None:
    make_model({"input": "3", "output": "15", "request": "5000"}, provider=provider)
    receipt = settle(api, wrap(ERRORS[provider]), provider=provider)
    assert (receipt["charged"], receipt["leaves"], receipt["agrees"]) == ("0.000000000", [], True)
    assert receipt["flags"] == ["The provider answered with an error: nothing was used."]
    verified()


def test_an_error_after_reported_progress_is_estimated(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="anthropic")
    call = api.authorise(provider="anthropic", input_tokens=100, max_output_tokens=500).json()["id"]
    api.progress(call, 1, input=40, output=60)
    body = {"provider_response": ERRORS["anthropic"], "status": "failed"}
    receipt = api.send("POST", f"authorisations/{call}/settle", body, key="s").json()
    # What the caller reported counts, not the bound that it declared.
    assert {line["leaf"]: line["tokens"] for line in receipt["leaves"]} == {"input": 40, "output": 60}
    assert receipt["estimated"] is True


def test_output_that_is_reported_and_measured_is_counted_once(tenant: Tenant, api: Api) -> None:
    make_model({"input": "1", "output": "10"}, provider="google")
    call = api.authorise(provider="google", input_tokens=100, max_output_tokens=2_000).json()["id"]
    api.progress(call, 1, output=450)
    said = [{"content": {"parts": [{"text": "half a"}]}}]
    cut = [
        {
            "candidates": said,
            "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 50, "thoughtsTokenCount": 400},
        }
    ]
    receipt = api.send("POST", f"authorisations/{call}/settle", {"provider_response": cut}, key="s").json()
    assert (receipt["estimated"], receipt["charged"]) == (True, "0.004512000")


def test_a_leaf_without_a_rate_at_the_responses_tier_is_charged_at_the_standard_one(tenant: Tenant, api: Api) -> None:
    from providers.models import Rate

    model = make_model({"input": "1", "output": "2", "cache_read": "0.3"}, provider="openai")
    base = Rate.objects.filter(model=model).first()
    assert base is not None
    for tier, leaf, price in (
        ("priority", "input", "2"),
        ("priority", "output", "4"),
        ("priority", "cache_read", "0.6"),
        ("flex", "input", "0.5"),
        ("flex", "output", "1"),
    ):
        Rate.objects.create(
            model=model, leaf=leaf, price=D(price), service_tier=tier, effective_from=base.effective_from, source="t"
        )
    usage = {
        "prompt_tokens": 100_000,
        "prompt_tokens_details": {"cached_tokens": 100_000},
        "completion_tokens": 0,
        "total_tokens": 100_000,
    }
    receipt = settle(api, {"service_tier": "flex", "usage": usage}, provider="openai", service_tier="priority")
    assert (receipt["service_tier"], receipt["charged"]) == ("flex", "0.030000000")


def test_a_code_container_is_counted_once_however_often_it_is_called(tenant: Tenant, api: Api) -> None:
    make_model({"input": "1", "output": "2", "code_execution": "30000"}, provider="openai")
    calls = [{"type": "code_interpreter_call", "id": f"c{n}", "container_id": f"box {n % 2}"} for n in range(5)]
    answer = {
        "object": "response",
        "status": "completed",
        "model": "model",
        "output": calls,
        "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
    }
    receipt = settle(api, answer, provider="openai", tools={"code_execution": 5})
    assert receipt["charged"] == "0.060000000"


@pytest.mark.parametrize("number", [0, 5000])
def test_a_caller_can_not_say_how_many_requests_a_call_was(tenant: Tenant, api: Api, number: int) -> None:
    make_model({"input": "3", "output": "15", "request": "5000"})
    call = api.authorise(input_tokens=100, max_output_tokens=50).json()["id"]
    for answer in (api.settle(call, input=1, request=number), api.progress(call, 1, input=1, request=number)):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "usage"
    assert api.progress(call, 2, output=1).json()["accrued"] == "0.005015000"
    assert api.settle(call, input=1).json()["charged"] == "0.005003000"


def test_flags_stay_few_and_a_backslash_is_no_way_to_break_a_settlement(tenant: Tenant, api: Api) -> None:
    make_model({"input": "3", "output": "15"}, provider="anthropic")
    advisors = [
        {"type": "advisor_message", "model": f"adviser-{n}", "input_tokens": 1, "output_tokens": 1} for n in range(300)
    ]
    usage = {"input_tokens": 10, "output_tokens": 1, "iterations": advisors}
    receipt = settle(api, {"model": "x\\u0000", "usage": usage}, provider="anthropic")
    assert len(receipt["flags"]) <= 22
    assert receipt["charged"] == "0.000045000"
