"""Late and wrong usage: a settlement by estimate is replaced by what was really used, for a day, by differences."""

import threading
from decimal import Decimal
from typing import Any

import pytest

from metering.expiry import end_expired_holds
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, rows_of, verified, wallet

D = Decimal
NO_USAGE = {"provider_response": {"object": "chat.completion", "choices": []}}


@pytest.fixture(autouse=True)
def model(transactional_db: None) -> object:
    return make_model({"input": "10", "output": "20"})


def expired(api: Api, **fields: Any) -> str:
    """A call of 1,000 declared input tokens ($0.01), dispatched and never heard of again."""
    hold = api.authorise(input_tokens=1000, dispatched=True, ttl_seconds=30, **fields).json()["id"]
    database.advance_clock(31)
    assert end_expired_holds() == 1
    return hold


def test_less_than_was_estimated_goes_back_into_the_lot_it_came_from(api: Api, tenant: Tenant) -> None:
    hold = expired(api)
    assert wallet(tenant.id) == (D("99.99"), D(0))
    answer = api.settle(hold, input=400)
    assert (answer.status_code, answer.json()["charged"], answer.json()["estimated"]) == (200, "0.004000000", False)
    assert wallet(tenant.id) == (D("99.996"), D(0))
    rows = rows_of("SELECT kind, debit, credit, amount, corrects_id IS NULL FROM wallets_transfer ORDER BY id")
    assert rows[1:] == [
        ("usage", "credits_paid", "usage_revenue", D("0.01"), True),
        ("correction", "usage_revenue", "credits_paid", D("0.006"), False),
    ]
    assert rows_of("SELECT revision, leaves, cost, charge FROM metering_usagerecord ORDER BY revision") == [
        (0, {"input": 1000}, D("0.01"), D("0.01")),
        (1, {"input": -600}, D("-0.006"), D("-0.006")),
    ]
    assert one("SELECT requests, input_tokens, charge FROM metering_dailyusage") == (1, 400, D("0.004"))
    verified()


def test_more_is_taken_from_what_is_available_and_the_rest_is_absorbed() -> None:
    ben = make_tenant("ben", credits="0.1")
    api = Api(ben)
    hold = expired(api)
    answer = api.settle(hold, output=10_000).json()  # $0.20, of which $0.09 is there
    assert (answer["cost"], answer["charged"], answer["absorbed"]) == ("0.200000000", "0.100000000", "0.100000000")
    assert (answer["agrees"], answer["available"]) == (True, "0.000000000")
    assert [r["charged"] for r in answer["revisions"]] == ["0.090000000"]
    assert wallet(ben.id) == (D(0), D(0))
    assert one("SELECT count(*) FROM metering_overrunalert") == (1,)
    verified()


def test_a_lower_cost_never_raises_the_charge() -> None:
    ben = make_tenant("ben", credits="0.015")
    api = Api(ben)
    hold = expired(api, max_output_tokens=1)  # estimated at $0.01, while only that much is held
    taken = api.authorise(max_output_tokens=250).json()["id"]  # $0.005: nothing is available now
    assert api.settle(hold, input=600, output=100).json()["charged"] == "0.008000000"
    api.release(taken)
    assert wallet(ben.id) == (D("0.007"), D(0))
    verified()


def test_equal_usage_posts_nothing_and_is_no_estimate_any_more(api: Api, tenant: Tenant) -> None:
    hold = expired(api)
    answer = api.settle(hold, input=1000).json()
    assert (answer["charged"], answer["estimated"], len(answer["transfers"])) == ("0.010000000", False, 1)
    verified()


def test_what_was_measured_is_not_replaced(api: Api) -> None:
    hold = expired(api)
    api.settle(hold, input=400)
    second = api.settle(hold, input=300)
    assert (second.status_code, second.json()["code"]) == (409, "already_ended")
    assert second.json()["receipt"] == f"/api/v1/receipts/{hold}"


def test_an_estimate_at_settling_is_replaced_too(api: Api, tenant: Tenant) -> None:
    make_model({"input": "10", "output": "20"}, name="gpt", provider="openai")
    hold = api.authorise(provider="openai", model="gpt", input_tokens=1000).json()["id"]
    first = api.send("POST", f"authorisations/{hold}/settle", NO_USAGE, key="e")
    assert first.json()["estimated"] is True
    assert api.settle(hold, input=10).json()["charged"] == "0.000100000"
    # Each key keeps its own answer.
    again = api.send("POST", f"authorisations/{hold}/settle", NO_USAGE, key="e")
    assert again.content == first.content
    verified()


def test_a_repeated_key_gets_its_first_answer(api: Api, tenant: Tenant) -> None:
    hold = expired(api)
    first = api.settle(hold, key="late", input=400)
    api.release(api.authorise().json()["id"])
    assert api.settle(hold, key="late", input=400).content == first.content
    assert api.settle(hold, key="late", input=401).json()["code"] == "idempotency_key_reused"
    assert wallet(tenant.id)[0] == D("99.996")


def test_after_a_day_the_estimate_stands(api: Api) -> None:
    hold = expired(api)
    database.advance_clock(24 * 3600)
    assert api.settle(hold, input=400).status_code == 409


def test_a_call_released_by_expiry_is_charged_of_what_is_available(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=1000, ttl_seconds=30).json()["id"]
    database.advance_clock(31)
    end_expired_holds()
    assert wallet(tenant.id) == (D(100), D(0))
    answer = api.settle(hold, input=1000).json()
    assert (answer["charged"], answer["ended_by"]) == ("0.010000000", "expiry")
    assert "after the hold had expired" in answer["flags"][0]
    assert wallet(tenant.id) == (D("99.99"), D(0))
    assert api.settle(hold, input=1).status_code == 409
    verified()


def test_two_late_reports_at_once_revise_once(api: Api, tenant: Tenant) -> None:
    hold = expired(api)
    barrier, codes = threading.Barrier(4), []

    def late(n: int) -> None:
        barrier.wait()
        codes.append(api.settle(hold, key=f"late {n}".replace(" ", "-"), input=100 * n).status_code)

    threads = [threading.Thread(target=late, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 409, 409, 409]
    assert one("SELECT max(revision) FROM metering_usagerecord") == (1,)
    verified()
