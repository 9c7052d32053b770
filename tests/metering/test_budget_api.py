"""Budgets over the API: read, what binds a key, and the envelope that an agent runtime opens for a whole run."""

from decimal import Decimal
from typing import Any

import pytest

from organisations.services import issue_api_key, suspend_organisation
from tests import cast, database
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, rows_of, verified
from wallets.services import set_budget

D = Decimal


@pytest.fixture(autouse=True)
def _model(transactional_db: None) -> None:
    make_model({"input": "0", "output": "20"})


def put(tenant: Tenant, scope: str, target: Any, amount: str, **fields: Any) -> Any:
    given = {"period": "day", **fields}
    return set_budget(organisation=tenant.organisation, scope=scope, target=str(target), amount=D(amount), **given)


def run(api: Api, **fields: Any) -> Any:
    return api.send("POST", "budgets/runs", {"run": "nightly", "amount": "2.50", **fields})


def spend(api: Api, output: int, **fields: Any) -> Any:
    return api.settle(api.authorise(max_output_tokens=output, **fields).json()["id"], output=output)


def test_a_run_is_opened_with_its_own_budget_and_stops_at_it(api: Api, tenant: Tenant) -> None:
    opened = run(api, alert_percent=50)
    assert opened.status_code == 200
    assert opened.json() == {
        "id": one("SELECT id FROM wallets_budget")[0], "scope": "run", "target": "nightly", "name": "nightly",
        "period": "total", "amount": "2.500000000", "used": "0.000000000", "held": "0.000000000",
        "left": "2.500000000", "hard": True, "alert_percent": 50, "state": "ok", "first_day": None, "resets_at": None,
    }  # fmt: skip
    spend(api, 75_000, run="nightly")  # 1.50
    clamped = api.authorise(max_output_tokens=75_000, run="nightly").json()
    assert (clamped["max_output_tokens"], clamped["held"]) == (50_000, "1.000000000")
    refused = api.authorise(max_output_tokens=1_000, run="nightly").json()
    assert (refused["code"], refused["limiting_scope"], refused["target"]) == ("budget_exceeded", "run", "nightly")
    assert api.authorise(max_output_tokens=1_000, run="another").status_code == 201
    [found] = api.get("budgets?run=nightly").json()["budgets"]
    assert (found["used"], found["held"], found["left"], found["state"]) == (
        "1.500000000", "1.000000000", "0.000000000", "reached",
    )  # fmt: skip
    verified()


def test_the_same_again_changes_nothing_and_a_key_only_tightens(api: Api) -> None:
    first = run(api)
    assert run(api).json() == first.json()
    assert run(api, amount="2").json()["amount"] == "2.000000000"
    before = rows_of("SELECT * FROM wallets_budget")
    for fields, field in (({"amount": "2.000000001"}, "amount"), ({"amount": "1", "hard": False}, "hard")):
        refused = run(api, **fields)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert rows_of("SELECT * FROM wallets_budget") == before
    soft = {"run": "soft", "amount": "1", "hard": False}
    assert api.send("POST", "budgets/runs", soft).json()["hard"] is False
    assert api.send("POST", "budgets/runs", {**soft, "hard": True}).json()["hard"] is True


def test_a_run_is_not_above_what_the_organisation_has_in_total(api: Api, tenant: Tenant) -> None:
    put(tenant, "organisation", "", "2", period="total")
    refused = run(api)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "amount", "message": "This is above the budget of Ada, $2.00 in total. Change that one first."}
    ]
    assert run(api, amount="2").status_code == 200


def test_a_key_sets_budgets_of_runs_and_of_nothing_else(api: Api, tenant: Tenant) -> None:
    for fields in ({"scope": "agent"}, {"target": "1"}, {"period": "day"}):
        assert run(api, **fields).status_code == 422
    assert api.send("POST", "budgets", {"run": "x", "amount": "1"}).status_code == 405
    reader = issue_api_key(organisation=tenant.organisation, name="r", scopes=["read"])
    assert run(Api(None, secret=reader.secret)).json()["code"] == "missing_scope"
    caller = issue_api_key(
        organisation=tenant.organisation, name="c", scopes=["calls"], project=tenant.project, agent=tenant.agent
    )
    assert Api(None, secret=caller.secret).get("budgets").json()["code"] == "missing_scope"
    assert rows_of("SELECT * FROM wallets_budget") == []


def test_budgets_are_listed_by_scope_and_asked_for(api: Api, tenant: Tenant) -> None:
    put(tenant, "agent", tenant.agent.pk, "1")
    put(tenant, "organisation", "", "5", period="month")
    put(tenant, "member", "ada", "3", hard=False)
    for label in ("first", "second"):
        run(api, run=label)
    others = make_tenant("ben")
    put(others, "organisation", "", "7")
    answer = api.get("budgets").json()
    assert [(b["scope"], b["name"], b["amount"][:3]) for b in answer["budgets"]] == [
        ("organisation", "Ada", "5.0"), ("agent", "Main: Agent", "1.0"), ("member", "ada", "3.0"),
        ("run", "second", "2.5"), ("run", "first", "2.5"),
    ]  # fmt: skip
    assert answer["currency"] == "USD"
    assert [b["scope"] for b in api.get("budgets?scope=member").json()["budgets"]] == ["member"]
    assert [b["name"] for b in api.get("budgets?scope=run").json()["budgets"]] == ["second", "first"]
    assert api.get("budgets?run=third").json()["budgets"] == []
    today = one("SELECT billing_day(billing_now(), 'UTC')::text")[0]
    daily = next(b for b in answer["budgets"] if b["scope"] == "agent")
    assert daily["first_day"] == today
    assert one("SELECT %s::timestamptz = (%s::date + 1)::timestamp AT TIME ZONE 'UTC'", daily["resets_at"], today)[0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("scope=tenant", "scope"), ("scope=RUN", "scope"), ("scope=run&scope=agent", "scope"), ("limit=5", "limit"),
        ("scope=agent&run=x", "run"), ("run=%00", "run"), ("run=" + "x" * 201, "run"),
        ("organisation=2", "organisation"),
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(api: Api, query: str, field: str) -> None:
    answer = api.get(f"budgets?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_limits_say_what_binds_the_key(api: Api, tenant: Tenant) -> None:
    put(tenant, "agent", tenant.agent.pk, "4", alert_percent=25)
    put(tenant, "organisation", "", "10", period="month")
    put(tenant, "project", tenant.project.pk, "1", hard=False)
    put(tenant, "agent", 999_999, "0.5")  # another's
    spend(api, 50_000)  # 1.00
    api.authorise(max_output_tokens=100_000)  # holds 2.00
    found = api.get("limits").json()
    assert (found["balance"], found["held"], found["available"], found["suspended"]) == (
        "99.000000000", "2.000000000", "97.000000000", None,
    )  # fmt: skip
    assert (found["limiting_scope"], found["room"]) == ("agent", "1.000000000")
    assert [(b["scope"], b["left"], b["state"]) for b in found["budgets"]] == [
        ("organisation", "7.000000000", "ok"), ("project", "-2.000000000", "reached"), ("agent", "1.000000000", "near"),
    ]  # fmt: skip
    database.advance_clock(86_400)
    assert api.get("limits").json()["room"] == "4.000000000"


def test_limits_without_budgets_are_the_wallets(api: Api, tenant: Tenant) -> None:
    found = api.get("limits").json()
    assert (found["limiting_scope"], found["room"], found["budgets"]) == ("wallet", "100.000000000", [])
    nothing = Api(make_tenant("empty")).get("limits").json()
    assert (nothing["balance"], nothing["room"]) == ("0.000000000", "0.000000000")


def test_limits_say_what_is_suspended(api: Api, tenant: Tenant, finance: Any) -> None:
    cast.suspend_for_overrun(tenant)
    assert api.get("limits").json()["suspended"] == "suspended_overrun"
    assert api.authorise().json()["code"] == "suspended_overrun"
    suspend_organisation(organisation=tenant.organisation, reason="Unpaid")
    assert api.get("limits").json()["suspended"] == "suspended"
