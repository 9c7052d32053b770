"""A sandbox starts over: at once, whatever runs, with books that agree; nobody else can."""

import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from common.tenancy import tenant as scope
from metering.sandbox import start_over
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant
from tests.metering.figures import one, rows_of, verified, wallet
from wallets.history import started_over_at

D = Decimal
FRESH = (D(200), D(0))


@pytest.fixture
def sandbox(transactional_db: None) -> Tenant:
    make_model({"input": "10", "output": "20"})
    return make_tenant("sim", sandbox=True)


@pytest.fixture
def agent(sandbox: Tenant) -> Api:
    start_over(sandbox.organisation)
    return Api(sandbox)


def test_it_begins_with_its_credits_and_has_them_again_each_time(sandbox: Tenant) -> None:
    for _ in range(3):
        start_over(sandbox.organisation)
        assert wallet(sandbox.id) == FRESH
    kinds = rows_of("SELECT kind, count(*), sum(amount) FROM wallets_transfer GROUP BY 1 ORDER BY 1")
    assert kinds == [("correction", 2, D(400)), ("grant", 3, D(600))]
    verified()


def test_what_others_gave_goes_back_by_the_way_it_came(sandbox: Tenant, agent: Api) -> None:
    give(sandbox.organisation, "30")
    give(sandbox.organisation, "12", "promotional")
    hold = agent.authorise(max_output_tokens=1_000_000).json()["id"]
    agent.settle(hold, output=1_000_000)
    start_over(sandbox.organisation)
    back = rows_of("SELECT debit, credit, sum(amount) FROM wallets_transfer WHERE kind = 'correction' GROUP BY 1, 2")
    assert sorted(back) == [
        ("credits_paid", "cash_clearing", D(30)),
        ("credits_promotional", "promotional_expense", D(192)),  # 200 + 12 - 20
    ]
    assert wallet(sandbox.id) == FRESH
    verified()


def test_a_call_that_cost_nothing_yet_is_released_and_its_agent_is_told(sandbox: Tenant, agent: Api) -> None:
    hold = agent.authorise(max_output_tokens=1000, dispatched=True).json()["id"]
    start_over(sandbox.organisation)
    assert wallet(sandbox.id) == FRESH
    assert one("SELECT state, ended_by FROM wallets_hold") == ("released", "call")
    for answer in (agent.progress(hold, 1, output=5), agent.settle(hold, output=5), agent.release(hold)):
        assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "already_ended", "released")
    assert wallet(sandbox.id) == FRESH
    verified()


def test_a_call_that_has_cost_something_is_settled_by_estimate(sandbox: Tenant, agent: Api) -> None:
    hold = agent.authorise(input_tokens=1000, max_output_tokens=1000).json()["id"]
    agent.progress(hold, 1, output=500)
    start_over(sandbox.organisation)
    assert wallet(sandbox.id) == FRESH
    [(estimated, charge, leaves, flags)] = rows_of("SELECT estimated, charge, leaves, flags FROM metering_usagerecord")
    assert (estimated, charge) == (True, D("0.02"))  # 1,000 declared at $10 and 500 reported at $20 for 1M
    assert leaves == {"input": 1000, "output": 500}
    assert "started over" in flags[0]
    assert agent.settle(hold, output=900).json()["receipt"] == f"/api/v1/receipts/{hold}"
    verified()


def test_at_zero_it_starts_over_too(sandbox: Tenant, agent: Api, settings: Any) -> None:
    settings.ABSORBED_LIMIT = "1000"
    hold = agent.authorise(max_output_tokens=1_000_000).json()["id"]
    agent.settle(hold, output=20_000_000)  # more than there is: the rest is absorbed
    assert wallet(sandbox.id) == (D(0), D(0))
    assert agent.authorise(max_output_tokens=1).status_code == 402
    start_over(sandbox.organisation)
    assert wallet(sandbox.id) == FRESH
    assert agent.authorise(max_output_tokens=1).status_code == 201
    verified()


def test_it_says_since_when_it_runs(sandbox: Tenant) -> None:
    with scope(sandbox.id):
        assert started_over_at(sandbox.organisation) is None
    give(sandbox.organisation, "5")
    first, second = start_over(sandbox.organisation), start_over(sandbox.organisation)
    give(sandbox.organisation, "5")
    with scope(sandbox.id):
        assert started_over_at(sandbox.organisation) == second.granted_at > first.granted_at


def test_an_organisation_that_is_billed_can_not_start_over(sandbox: Tenant) -> None:
    ben = make_tenant("ben", credits="7")
    Api(ben).authorise(max_output_tokens=1)
    before = wallet(ben.id)
    with pytest.raises(ValueError, match="only a sandbox"):
        start_over(ben.organisation)
    assert wallet(ben.id) == before
    assert one("SELECT state FROM wallets_hold") == ("open",)


@pytest.mark.parametrize("callers", [4])
def test_the_books_agree_after_any_number_of_times_while_calls_run(sandbox: Tenant, server: str, callers: int) -> None:
    """Agents authorise, report and settle over HTTP while it starts over again and again."""
    start_over(sandbox.organisation)
    ends_at, told, failed = time.monotonic() + 8, set(), []

    def agent() -> None:
        api = Api(sandbox, server)
        try:
            while time.monotonic() < ends_at:
                opened = api.authorise(input_tokens=50_000, max_output_tokens=100_000)
                told.add(opened.status_code)
                if opened.status_code != 201:
                    continue
                hold = opened.json()["id"]
                told.add(api.progress(hold, 1, output=40_000).status_code)
                told.add(api.settle(hold, input=50_000, output=60_000).status_code)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=agent) for _ in range(callers)]
    for thread in threads:
        thread.start()
    times = 0
    while time.monotonic() < ends_at:
        start_over(sandbox.organisation)
        times += 1
        time.sleep(0.15)
    for thread in threads:
        thread.join()
    assert failed == []
    assert times > 5
    assert {201, 200, 409} <= told <= {201, 200, 409, 402}
    assert one("SELECT count(*) > 0 FROM metering_usagerecord WHERE NOT estimated") == (True,)
    assert one("SELECT count(*) FROM wallets_hold WHERE state = 'open'") == (0,)
    verified()
    start_over(sandbox.organisation)
    assert wallet(sandbox.id) == FRESH
    verified()
