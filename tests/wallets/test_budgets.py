"""Budgets: what may be spent on a subject in a local day, a month or in all; decided in the same step as the wallet."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.clock import billing_now
from common.tenancy import platform
from metering.expiry import end_expired_holds
from organisations.models import Organisation
from organisations.services import create_agent, create_project, issue_api_key
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant
from tests.metering.figures import one, rows_of, verified
from tests.wallets.dollars import D, available, dollar_model, hold, posted, refused, spend
from wallets.models import Budget
from wallets.services import end_budget, set_budget

DAY = 24 * 3600


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    dollar_model()
    made = make_tenant(scopes=("calls", "read", "act_for"), credits="1000")
    other = create_project(organisation=made.organisation, name="Other", slug="other")
    create_agent(project=other, name="Other", slug="other")
    return made


def budget(
    tenant: Tenant, amount: str, scope: str = "organisation", target: str = "", period: str = "day", **more: Any
) -> Budget:
    return set_budget(
        organisation=tenant.organisation, scope=scope, target=target, period=period, amount=D(amount), **more
    )


def uses() -> list[tuple[str, str]]:
    """(used, held) of each period, oldest first."""
    return rows_of(
        "SELECT trim_scale(used)::text, trim_scale(held)::text FROM wallets_budgetperiod ORDER BY starts, id"
    )


def at(moment: datetime) -> None:
    """Let the billing clock run on to this moment."""
    database.advance_clock((moment - billing_now()).total_seconds())


# --- Scopes ---------------------------------------------------------------------------------------------------------
SCOPES = {
    "organisation": (lambda t: "", {"project": "other", "agent": "other"}, True),
    "project": (lambda t: str(t.project.pk), {"project": "other", "agent": "other"}, False),
    "agent": (lambda t: str(t.agent.pk), {"project": "other", "agent": "other"}, False),
    "key": (lambda t: str(t.key.pk), {"project": "other", "agent": "other"}, True),
    "member": (lambda t: "ada@example.com", {"user": "eve@example.com"}, False),
    "run": (lambda t: "nightly-7", {"run": "nightly-8"}, False),
}


@pytest.mark.parametrize("period", ["day", "month", "total"])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_budget_counts_the_calls_on_its_subject_and_no_other(
    tenant: Tenant, api: Api, scope: str, period: str
) -> None:
    target, elsewhere, counted = SCOPES[scope]
    made = budget(tenant, "10", scope, target(tenant), period)
    ours = {"user": "ada@example.com", "run": "nightly-7"}
    spend(api, 4, **ours)
    call = hold(api, 5, **ours)
    said = refused(api, 2, **ours)
    assert (said["code"], said["limiting_scope"], said["budget"], said["target"]) == (
        "budget_exceeded", scope, made.pk, target(tenant),
    )  # fmt: skip
    assert (said["period"], said["affordable_output_tokens"], said["available"]) == (period, 1, "991.000000000")
    assert (said["used"], said["budget_amount"], said["required"]) == ("4.000000000", "10.000000000", "2.000000000")
    assert api.authorise(max_output_tokens=2, min_output_tokens=2, **{**ours, **elsewhere}).status_code == (
        402 if counted else 201
    )
    api.settle(call, output=5)
    assert uses()[0] == ("9", "0")
    verified()


def test_another_key_of_the_same_agent_has_its_own_budget(tenant: Tenant, api: Api) -> None:
    issued = issue_api_key(
        organisation=tenant.organisation, name="second", scopes=("calls",), project=tenant.project, agent=tenant.agent
    )
    budget(tenant, "3", "key", str(tenant.key.pk))
    assert (available(api), available(Api(None, secret=issued.secret))) == (3, 1000)


def test_the_refusal_names_the_budget_that_binds(tenant: Tenant, api: Api) -> None:
    budget(tenant, "20")
    budget(tenant, "6", "project", str(tenant.project.pk), "month")
    budget(tenant, "8", "agent", str(tenant.agent.pk))
    assert refused(api, 7)["limiting_scope"] == "project"
    spend(api, 5)
    budget(tenant, "6", "project", str(tenant.project.pk), "month", hard=False)
    assert refused(api, 4)["limiting_scope"] == "agent"
    end_budget(the_one_of("agent", tenant))
    assert refused(api, 16)["limiting_scope"] == "organisation"
    assert refused(api, 2000)["limiting_scope"] == "organisation"
    verified()


def the_one_of(scope: str, tenant: Tenant) -> Budget:
    with platform("read"):
        return Budget.objects.get(organisation=tenant.organisation, scope=scope)


# --- Clamp and margins ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("amount", ["0", "1", "7", "7.999999999"])
def test_what_is_affordable_is_granted_and_one_more_is_refused(tenant: Tenant, api: Api, amount: str) -> None:
    budget(tenant, amount)
    n = refused(api, 50)["affordable_output_tokens"]
    assert n == int(D(amount))
    assert refused(api, n + 1)["affordable_output_tokens"] == n
    answer = api.authorise(max_output_tokens=50)
    if n:
        assert (answer.json()["max_output_tokens"], answer.json()["clamped"]) == (n, True)
        api.release(answer.json()["id"])
        spend(api, n)
    assert refused(api, 1)["affordable_output_tokens"] == 0
    verified()


def test_a_soft_budget_stops_nothing_and_tells_when_its_alert_is_reached(tenant: Tenant, api: Api) -> None:
    budget(tenant, "10", hard=False, alert_percent=80)
    spend(api, 7)
    assert one("SELECT alerted_at FROM wallets_budgetperiod") == (None,)
    spend(api, 1)
    [(first,)] = rows_of("SELECT alerted_at FROM wallets_budgetperiod")
    assert first is not None
    spend(api, 40)
    assert (uses(), one("SELECT alerted_at FROM wallets_budgetperiod")) == ([("48", "0")], (first,))
    verified()


def test_a_charge_above_its_hold_is_limited_by_budgets(tenant: Tenant, api: Api) -> None:
    budget(tenant, "10")
    calls = [hold(api, 3), hold(api, 4)]
    receipt = api.settle(calls[0], output=9).json()
    assert (receipt["charged"], receipt["absorbed"]) == ("6.000000000", "3.000000000")
    assert uses() == [("6", "4")]
    assert api.settle(calls[1], output=4).json()["absorbed"] == "0.000000000"
    verified()


def test_calls_of_one_batch_share_what_a_budget_has(tenant: Tenant, api: Api) -> None:
    budget(tenant, "10")
    budget(tenant, "4", "run", "r")
    assert (available(api), available(Api(tenant))) == (10, 10)
    first, second = hold(api, 4, run="r"), hold(api, 5)
    assert refused(api, 1, run="r")["limiting_scope"] == "run"
    assert refused(api, 2)["limiting_scope"] == "organisation"
    api.release(first)
    assert refused(api, 6)["affordable_output_tokens"] == 5
    api.release(second)
    assert uses() == [("0", "0"), ("0", "0")]
    verified()


# --- Changed, made and ended while calls run ------------------------------------------------------------------------
def test_a_budget_that_is_lowered_below_what_is_spent_and_held_stops_running_calls(tenant: Tenant, api: Api) -> None:
    budget(tenant, "10")
    call = hold(api, 6)
    assert api.progress(call, 1, output=2).json()["decision"] == "continue"
    budget(tenant, "5")
    told = api.progress(call, 2, output=3).json()
    assert (told["decision"], told["reason"], told["held"]) == ("stop", "budget_exceeded", "6.000000000")
    # What it holds it may spend; not a cent more.
    receipt = api.settle(call, output=8).json()
    assert (receipt["charged"], receipt["absorbed"]) == ("6.000000000", "2.000000000")
    assert refused(api, 1)["affordable_output_tokens"] == 0
    verified()


def test_a_report_above_the_hold_is_stopped_by_a_budget_and_goes_on_once_it_is_raised(tenant: Tenant, api: Api) -> None:
    budget(tenant, "6")
    call = hold(api, 6)
    assert api.progress(call, 1, output=7).json()["reason"] == "budget_exceeded"
    budget(tenant, "9")
    told = api.progress(call, 2, output=8).json()
    assert (told["decision"], told["held"]) == ("continue", "8.000000000")
    assert uses() == [("0", "8")]
    verified()


@pytest.mark.parametrize("period", ["day", "month", "total"])
def test_a_budget_made_midway_counts_what_was_charged_and_is_held(tenant: Tenant, api: Api, period: str) -> None:
    spend(api, 4)
    spend(api, 2, run="other")
    api.settle(hold(api, 2), output=0)
    call, released = hold(api, 3), hold(api, 9)
    api.release(released)
    budget(tenant, "20", period=period)
    budget(tenant, "20", "run", "other", period)
    assert uses() == [("6", "3"), ("2", "0")]
    api.settle(call, output=5)
    assert (uses(), refused(api, 10)["affordable_output_tokens"]) == ([("11", "0"), ("2", "0")], 9)
    verified()


def test_a_budget_that_ended_stops_nothing_and_a_new_one_counts_from_the_periods_beginning(
    tenant: Tenant, api: Api
) -> None:
    first = budget(tenant, "5")
    call = hold(api, 5)
    end_budget(first)
    assert api.progress(call, 1, output=7).json()["decision"] == "continue"
    spend(api, 3)
    api.settle(call, output=9)
    second = budget(tenant, "20")
    assert second.pk != first.pk
    assert uses() == [("9", "0"), ("12", "0")]
    assert refused(api, 9)["affordable_output_tokens"] == 8
    verified()


# --- Periods --------------------------------------------------------------------------------------------------------
# (zone, period, a moment near its end, when the next begins). 2027: the billing clock only grows.
BOUNDARIES = {
    "plain day": ("UTC", "day", datetime(2027, 1, 14, 23, 58, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)),
    "quarter hour zone": (
        "Asia/Kathmandu", "day", datetime(2027, 1, 14, 18, 13, tzinfo=UTC), datetime(2027, 1, 14, 18, 15, tzinfo=UTC),
    ),
    "day of 23 hours": (
        "Europe/Berlin", "day", datetime(2027, 3, 28, 21, 58, tzinfo=UTC), datetime(2027, 3, 28, 22, tzinfo=UTC),
    ),
    "day of 25 hours": (
        "Europe/Berlin", "day", datetime(2027, 10, 31, 22, 58, tzinfo=UTC), datetime(2027, 10, 31, 23, tzinfo=UTC),
    ),
    "month": (
        "America/New_York", "month", datetime(2027, 3, 1, 4, 58, tzinfo=UTC), datetime(2027, 3, 1, 5, tzinfo=UTC),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BOUNDARIES)
def test_a_call_counts_in_the_period_in_which_it_was_authorised(tenant: Tenant, api: Api, case: str) -> None:
    zone, period, before, next_begins = BOUNDARIES[case]
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(billing_zone=zone)
    at(before)
    budget(tenant, "10", period=period)
    spend(api, 4)
    running = hold(api, 5)
    said = refused(api, 2)
    assert datetime.fromisoformat(said["resets_at"]) == next_begins
    at(next_begins - timedelta(seconds=20))
    assert refused(api, 2)["used"] == "4.000000000"
    at(next_begins)
    assert available(api) == 10
    spend(api, 3)
    # It ends in the new period and counts in the old one: also what it costs above its hold.
    receipt = api.settle(running, output=7).json()
    assert (receipt["charged"], receipt["absorbed"]) == ("6.000000000", "1.000000000")
    assert uses() == [("10", "0"), ("3", "0")]
    starts = [day for (day,) in rows_of("SELECT starts FROM wallets_budgetperiod ORDER BY starts")]
    assert starts[1] == next_begins.astimezone(ZoneInfo(zone)).date()
    verified()


def test_a_summer_time_day_is_as_long_as_it_is(tenant: Tenant, api: Api) -> None:
    """23 hours, none of them missing: from local midnight to local midnight."""
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(billing_zone="Europe/Berlin")
    at(datetime(2027, 3, 27, 23, 1, tzinfo=UTC))
    budget(tenant, "10")
    spend(api, 4)
    assert datetime.fromisoformat(refused(api, 7)["resets_at"]) == datetime(2027, 3, 28, 22, tzinfo=UTC)
    at(datetime(2027, 3, 28, 21, 59, tzinfo=UTC))
    assert available(api) == 6
    at(datetime(2027, 3, 28, 22, tzinfo=UTC))
    assert available(api) == 10


def test_a_budget_in_total_never_restarts(tenant: Tenant, api: Api) -> None:
    budget(tenant, "10", "run", "r", "total")
    spend(api, 4, run="r")
    database.advance_clock(400 * DAY)
    said = refused(api, 7, run="r")
    assert (said["affordable_output_tokens"], said["resets_at"]) == (6, None)


def test_an_expired_call_counts_in_the_period_in_which_it_was_authorised(tenant: Tenant, api: Api) -> None:
    budget(tenant, "10")
    call = hold(api, 5, dispatched=True)
    api.progress(call, 1, output=3)
    hold(api, 2)
    database.advance_clock(2 * DAY)
    assert end_expired_holds() == 2
    assert uses() == [("3", "0")]
    # And so does what it turns out to have cost.
    database.advance_clock(3600)
    assert api.settle(call, output=9).status_code == 200
    assert (uses(), available(api)) == ([("9", "0")], 10)
    assert len(posted("absorbed")) == 0
    verified()


def test_the_same_subject_and_period_has_one_budget_and_changing_it_keeps_its_count(tenant: Tenant, api: Api) -> None:
    first = budget(tenant, "5")
    spend(api, 4)
    assert budget(tenant, "7").pk == first.pk
    assert budget(tenant, "90", period="month").pk != first.pk
    assert available(api) == 3
    verified()
