"""Authorise, progress, settle, release: what each does to the wallet and the ledger."""

from decimal import Decimal

import pytest

from metering.expiry import end_expired_holds
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_plan, make_tenant
from tests.metering.figures import one, rows_of, verified, wallet

D = Decimal
RATE = "model_id, leaf, service_tier, class_above, class_inclusive, price, effective_from, source"


@pytest.fixture(autouse=True)
def model(transactional_db: None) -> object:
    return make_model({"input": "10", "output": "20"}, max_output=8_000)


def test_a_hold_is_the_worst_case_and_the_charge_is_what_was_used(tenant: Tenant, api: Api) -> None:
    answer = api.authorise(input_tokens=1_000, max_output_tokens=500)
    assert answer.status_code == 201
    held = answer.json()
    assert (held["held"], held["available"]) == ("0.020000000", "99.980000000")
    assert (held["max_output_tokens"], held["clamped"]) == (500, False)
    assert wallet(tenant.id) == (D(100), D("0.02"))

    receipt = api.settle(held["id"], input=900, output=100).json()
    assert (receipt["charged"], receipt["released"], receipt["available"]) == (
        "0.011000000",
        "0.009000000",
        "99.989000000",
    )
    assert wallet(tenant.id) == (D("99.989"), D(0))
    assert rows_of("SELECT debit, credit, amount, balance_after FROM wallets_transfer ORDER BY id") == [
        ("cash_clearing", "credits_paid", D(100), D(100)),
        ("credits_paid", "usage_revenue", D("0.011"), D("99.989")),
    ]
    verified()


def test_the_receipt_adds_up_and_is_the_same_read_again(api: Api) -> None:
    hold = api.authorise(input_tokens=1_000, max_output_tokens=500).json()["id"]
    settled = api.settle(hold, input=7, output=3).json()
    read = api.get(f"receipts/{hold}").json()
    assert {k: v for k, v in settled.items() if k != "available"} == read
    assert sum(D(line["amount"]) for line in read["leaves"]) == D(read["rounding"]["before"])
    assert D(read["charged"]) == sum(D(t["amount"]) for t in read["transfers"])
    for line in read["leaves"]:
        assert D(line["amount"]) == line["tokens"] * D(line["price_per_million"]) / 1_000_000


def test_output_is_clamped_to_what_is_affordable_and_the_last_cent_is_usable(api: Api, tenant: Tenant) -> None:
    make_model({"input": "0", "output": "25000"}, name="dear")  # 4,000 tokens for the whole wallet
    answer = api.authorise(model="dear", max_output_tokens=1_000_000).json()
    assert (answer["max_output_tokens"], answer["clamped"], answer["available"]) == (4_000, True, "0.000000000")
    refused = api.authorise(model="dear", max_output_tokens=1)
    assert refused.status_code == 402
    api.settle(answer["id"], output=4_000)
    assert wallet(tenant.id) == (D(0), D(0))


def test_a_refusal_says_what_is_missing_and_what_is_affordable(api: Api) -> None:
    make_model({"input": "0", "output": "30000"}, name="dear")
    refused = api.authorise(model="dear", min_output_tokens=10_000, max_output_tokens=10_000).json()
    assert refused["code"] == "insufficient_credits"
    assert refused["available"] == "100.000000000"
    assert refused["required"] == "300.000000000"
    assert refused["affordable_output_tokens"] == 3_333
    assert (refused["limiting_scope"], refused["top_up"]) == ("wallet", "off")


def test_absent_max_output_means_4096_and_the_models_maximum_clamps(api: Api) -> None:
    assert api.authorise().json()["max_output_tokens"] == 4_096
    most = api.authorise(max_output_tokens=10_000).json()
    assert (most["max_output_tokens"], most["clamped"]) == (8_000, True)
    make_model({"input": "1", "output": "1"}, name="small", max_output=100)
    small = api.authorise(model="small").json()
    assert (small["max_output_tokens"], small["clamped"]) == (100, False)


def test_free_output_needs_no_money_beyond_the_input(api: Api) -> None:
    make_model({"input": "100000000", "output": "0"}, name="free output")
    assert api.authorise(model="free output", input_tokens=1).json()["max_output_tokens"] == 4_096
    assert api.authorise(model="free output", input_tokens=2).status_code == 402


def test_progress_posts_nothing_grows_the_hold_and_says_stop(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=100, max_output_tokens=100).json()["id"]  # 0.003
    going = api.progress(hold, 1, input=100, output=50).json()
    assert (going["decision"], going["accrued"], going["held"]) == ("continue", "0.002000000", "0.003000000")
    grown = api.progress(hold, 2, input=100, output=1_000).json()
    assert (grown["decision"], grown["held"]) == ("continue", "0.021000000")
    assert wallet(tenant.id) == (D(100), D("0.021"))
    assert api.get("balance").json()["accrued"] == "0.021000000"
    stopped = api.progress(hold, 3, input=100, output=6_000_000).json()
    assert (stopped["decision"], stopped["reason"], stopped["held"]) == ("stop", "insufficient_credits", "0.021000000")
    assert one("SELECT count(*) FROM wallets_transfer WHERE kind <> 'grant'") == (0,)


def test_an_older_report_changes_nothing(api: Api) -> None:
    hold = api.authorise(input_tokens=100, max_output_tokens=100).json()["id"]
    api.progress(hold, 5, output=50)
    late = api.progress(hold, 4, output=90).json()
    assert late["accrued"] == "0.001000000"
    assert one("SELECT seq, progress FROM metering_call") == (5, {"output": 50})


def test_a_repeated_or_older_report_never_takes_a_stop_back(api: Api) -> None:
    hold = api.authorise(input_tokens=100, max_output_tokens=100).json()["id"]
    stopped = api.progress(hold, 5, output=6_000_000).json()
    assert (stopped["decision"], stopped["accrued"]) == ("stop", "120.000000000")
    again = api.progress(hold, 5, output=6_000_000).json()
    assert again | {"expires_at": ""} == stopped | {"expires_at": ""}
    assert api.progress(hold, 4, output=1).json()["decision"] == "stop"
    assert api.progress(hold, 5, output=1).json()["decision"] == "stop"


def test_a_cost_beyond_all_bounds_is_refused_and_changes_nothing(api: Api, tenant: Tenant) -> None:
    make_model({"input": "1", "output": "1", "web_search": "99999999999"}, name="absurd")
    hold = api.authorise(model="absurd").json()["id"]
    for answer in (api.progress(hold, 1, web_search=2_000_000_000), api.settle(hold, web_search=2_000_000_000)):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields")
    assert one("SELECT state, accrued FROM wallets_hold") == ("open", D(0))
    assert api.settle(hold, output=1).status_code == 200


def test_what_exceeds_hold_and_wallet_is_absorbed_with_an_alert_and_never_debt(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=0, max_output_tokens=100).json()["id"]
    receipt = api.settle(hold, output=6_000_000).json()  # costs 120, the wallet has 100
    assert (receipt["charged"], receipt["absorbed"], receipt["cost"]) == (
        "100.000000000",
        "20.000000000",
        "120.000000000",
    )
    assert wallet(tenant.id) == (D(0), D(0))
    assert one("SELECT absorbed FROM metering_overrunalert") == (D(20),)
    assert one("SELECT debit, amount FROM wallets_transfer WHERE kind = 'absorbed'") == ("absorbed_overrun", D(20))
    verified()


def test_an_overrun_never_takes_what_other_calls_hold(api: Api, tenant: Tenant) -> None:
    other = api.authorise(input_tokens=0, max_output_tokens=8_000).json()["id"]  # holds 0.16
    hold = api.authorise(input_tokens=0, max_output_tokens=100).json()["id"]
    receipt = api.settle(hold, output=6_000_000).json()
    assert receipt["charged"] == "99.840000000"
    assert wallet(tenant.id) == (D("0.16"), D("0.16"))
    assert api.settle(other, output=8_000).json()["charged"] == "0.160000000"


def test_release_gives_back_all_but_not_after_reported_cost(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=100).json()["id"]
    assert api.release(hold).json()["available"] == "100.000000000"
    assert api.release(hold).json()["code"] == "already_ended"
    running = api.authorise(input_tokens=100).json()["id"]
    api.progress(running, 1, output=1)
    refused = api.release(running)
    assert (refused.status_code, refused.json()["code"]) == (409, "has_accrued")


def test_a_call_ends_once(api: Api) -> None:
    hold = api.authorise().json()["id"]
    api.settle(hold, output=1)
    again = api.settle(hold, output=1)
    assert (again.status_code, again.json()["code"]) == (409, "already_ended")
    assert again.json()["receipt"] == f"/api/v1/receipts/{hold}"
    assert api.progress(hold, 1, output=5).json()["code"] == "already_ended"


def test_free_credits_are_spent_before_paid_and_older_before_newer(api: Api, tenant: Tenant) -> None:
    give(tenant.organisation, "1", "promotional")
    give(tenant.organisation, "1", "promotional")
    hold = api.authorise(input_tokens=250_000, max_output_tokens=1).json()["id"]
    receipt = api.settle(hold, input=250_000).json()  # 2.50 over three lots
    assert [(t["debit"], t["amount"], t["balance_after"]) for t in receipt["transfers"]] == [
        ("credits_promotional", "1.000000000", "101.000000000"),
        ("credits_promotional", "1.000000000", "100.000000000"),
        ("credits_paid", "0.500000000", "99.500000000"),
    ]
    assert rows_of("SELECT kind, remaining FROM wallets_grant ORDER BY id") == [
        ("paid", D("99.5")), ("promotional", D(0)), ("promotional", D(0)),
    ]  # fmt: skip
    verified()


def test_a_hold_never_dispatched_is_released_when_it_expires(api: Api, tenant: Tenant) -> None:
    api.authorise(input_tokens=100)
    assert end_expired_holds() == 0
    database.advance_clock(601)
    assert end_expired_holds() == 1
    assert one("SELECT state, ended_by FROM wallets_hold") == ("released", "expiry")
    assert wallet(tenant.id) == (D(100), D(0))
    assert end_expired_holds() == 0
    verified()


def test_a_dispatched_call_is_settled_by_estimate_when_it_expires(api: Api, tenant: Tenant) -> None:
    told = api.authorise(input_tokens=1_000, dispatched=True).json()["id"]
    reported = api.authorise(input_tokens=10).json()["id"]
    api.progress(reported, 1, input=400, output=30)
    database.advance_clock(601)
    assert end_expired_holds() == 2
    expected = {told: ({"input": 1_000}, D("0.01")), reported: ({"input": 400, "output": 30}, D("0.0046"))}
    found = rows_of("SELECT hold_id::text, leaves, charge, estimated FROM metering_usagerecord")
    assert {hold: (leaves, charge) for hold, leaves, charge, _ in found} == expected
    assert all(estimated for *_, estimated in found)
    late = api.settle(told, input=900, output=5)
    assert (late.status_code, late.json()["ended_by"], late.json()["charged"]) == (200, "expiry", "0.009100000")
    verified()


def test_progress_renews_a_hold_up_to_a_day(api: Api) -> None:
    hold = api.authorise(ttl_seconds=30).json()["id"]
    database.advance_clock(20)
    api.progress(hold, 1, output=1)
    database.advance_clock(20)
    assert end_expired_holds() == 0
    database.advance_clock(86_400 - 41)
    api.progress(hold, 2, output=2)
    assert one("SELECT expires_at = authorised_at + interval '24 hours' FROM wallets_hold") == (True,)


def test_rates_in_force_when_authorised_price_the_call(api: Api, model: object) -> None:
    hold = api.authorise(input_tokens=1_000).json()["id"]
    doubled = RATE.replace("price", "price * 2").replace("effective_from", "billing_now()")
    with database.owner() as connection:
        connection.execute(f"INSERT INTO providers_rate ({RATE}) SELECT {doubled} FROM providers_rate")
    assert api.settle(hold, input=1_000).json()["charged"] == "0.010000000"
    dearer = api.authorise(input_tokens=1_000).json()
    assert api.settle(dearer["id"], input=1_000).json()["charged"] == "0.020000000"


def test_markup_is_the_plans(transactional_db: None) -> None:
    tenant = make_tenant("ben", credits="1", plan=make_plan("marked", "1.2"))
    hold = Api(tenant).authorise(input_tokens=1_000, max_output_tokens=1).json()["id"]
    receipt = Api(tenant).settle(hold, input=1_000).json()
    assert (receipt["list_cost"], receipt["charged"]) == ("0.010000000", "0.012000000")
    [offer] = Api(tenant).get("models").json()["models"]
    assert {p["leaf"]: p["price_per_million"] for p in offer["prices"]} == {"input": "12", "output": "24"}


def test_models_that_can_not_be_authorised_are_not_on_offer(api: Api) -> None:
    make_model({"output": "1"}, name="output only")
    make_model({"input": "1"}, name="input only")
    assert [m["model"] for m in api.get("models").json()["models"]] == ["model"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"model": "none"}, 422, "unknown_model"),
        ({"provider": "none"}, 422, "unknown_model"),
        ({"model": "unpriced"}, 422, "not_priced"),
        ({"model": "withdrawn"}, 422, "not_priced"),
        ({"model": "advanced"}, 403, "model_not_allowed"),
        ({"tools": {"web_search": 1}}, 422, "not_priced"),
        ({"service_tier": "priority"}, 422, "not_priced"),
        ({"input_tokens": 2_000_001}, 422, "invalid_fields"),
        ({"min_output_tokens": 8_001}, 422, "invalid_fields"),
        ({"project": "other"}, 403, "missing_scope"),
    ],
)
def test_what_has_no_price_or_is_not_allowed_is_refused_with_a_reason(
    api: Api, tenant: Tenant, fields: dict[str, object], status: int, code: str
) -> None:
    make_model({"input": "1"}, name="unpriced")
    withdrawn = make_model({"input": "1", "output": "1"}, name="withdrawn")
    make_model({"input": "1", "output": "1"}, name="advanced", access_class="advanced")
    with database.owner() as connection:
        connection.execute(
            f"INSERT INTO providers_rate ({RATE})"
            " VALUES (%s, 'output', 'standard', 0, false, NULL, billing_now(), 'test')", [withdrawn.pk],
        )  # fmt: skip
    refused = api.authorise(**fields)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert wallet(tenant.id) == (D(100), D(0))
    assert "withdrawn" not in [m["model"] for m in api.get("models").json()["models"] if m["prices"] == []]


@pytest.mark.parametrize(
    "body", [b'{"usage": {"output": 1}, "usage": {"output": 2}}', b'{"usage": {"output": 1, "output": 2}}']
)
def test_a_field_named_twice_is_refused(api: Api, body: bytes) -> None:
    hold = api.authorise().json()["id"]
    answer = api.send("POST", f"authorisations/{hold}/settle", body, key="k")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "usage"),
        (b'{"usage": {"outpt": 1}}', "usage"),
        (b'{"usage": {"output": -1}}', "usage"),
        (b'{"usage": {"output": 1}, "status": "done"}', "status"),
        (b'{"usage": {"output": 1}, "extra": 1}', "extra"),
    ],
)
def test_a_refused_field_is_named(api: Api, body: bytes, field: str) -> None:
    hold = api.authorise().json()["id"]
    [error] = api.send("POST", f"authorisations/{hold}/settle", body, key="k").json()["errors"]
    assert error["field"].startswith(field)
