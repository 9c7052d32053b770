"""Credits that expire: spent until the last moment, never after it, and what nobody used is breakage."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from common.clock import billing_now
from metering.expiry import end_expired_holds
from metering.ledger import Settle, settle
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant
from tests.metering.figures import one, rows_of, verified
from tests.wallets.dollars import (
    D,
    available,
    balance,
    dollar_model,
    give,
    hold,
    in_,
    left,
    posted,
    refused,
    spend,
)
from wallets.services import adjust, close_due_lots, set_budget

HOUR = 3600


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    dollar_model()
    return make_tenant()


def test_a_lot_is_spent_until_it_expires_and_is_breakage_then(tenant: Tenant, api: Api) -> None:
    give(tenant, "5", "promotional", expires_at=in_(hours=1))
    spend(api, 2)
    database.advance_clock(HOUR)
    assert refused(api, 1)["available"] == "0.000000000"
    assert posted("usage", "breakage") == [
        ("usage", "credits_promotional", "usage_revenue", "2"),
        ("breakage", "credits_promotional", "breakage_revenue", "3"),
    ]
    verified()


def test_the_moment_of_expiry_is_the_first_at_which_it_can_not_be_spent(tenant: Tenant) -> None:
    """The clock is stopped by the wallet's newest posting, which is never followed by an earlier one."""
    moment = billing_now() + timedelta(days=1)
    give(tenant, "5", "promotional", expires_at=moment)
    lay = "SELECT wallets_lay(1, lefts, since, until, %s) FROM wallets_lots(%s)"
    for before, part in ((timedelta(microseconds=1), [D(1)]), (timedelta(0), [D(0)])):
        assert one(lay, moment - before, tenant.id) == (part,)


@pytest.mark.parametrize("before", [True, False], ids=["a microsecond before", "at the moment"])
def test_a_call_decided_at_the_moment_of_expiry_gets_none_of_it(tenant: Tenant, api: Api, before: bool) -> None:
    moment = billing_now() + timedelta(days=1)
    give(tenant, "5", "promotional", expires_at=moment)
    stopped = moment - timedelta(microseconds=1) if before else moment
    with database.owner() as owner:  # no posting is dated before this
        owner.execute("SELECT set_config('app.platform', 'write', false)")
        owner.execute("UPDATE wallets_wallet SET last_posted_at = %s", [stopped])
    answer = api.authorise(max_output_tokens=5)
    assert answer.status_code == (201 if before else 402)
    assert len(posted("breakage")) == (0 if before else 1)
    verified()


def test_lots_are_spent_by_priority_then_soonest_expiry_then_free_then_oldest(tenant: Tenant, api: Api) -> None:
    lots = {
        "oldest paid": give(tenant, "1"),
        "newer paid": give(tenant, "1"),
        "free without expiry": give(tenant, "1", "promotional"),
        "paid that expires": give(tenant, "1", expires_at=in_(days=3)),
        "free that expires later": give(tenant, "1", "promotional", expires_at=in_(days=4)),
        "first of all": give(tenant, "1", priority=-1, expires_at=in_(days=9)),
        "last of all": give(tenant, "1", "promotional", priority=1, expires_at=in_(hours=2)),
    }
    order = []
    while lots:
        spend(api, 1)
        [gone] = [name for name, lot in lots.items() if left(lot) == 0]
        order.append(gone)
        del lots[gone]
    assert order == [
        "first of all", "paid that expires", "free that expires later", "free without expiry", "oldest paid",
        "newer paid", "last of all",
    ]  # fmt: skip
    verified()


@pytest.mark.parametrize("end", ["settled whole", "settled in part", "released", "expired", "expired unsent"])
def test_a_running_call_keeps_its_lot_and_the_rest_is_breakage_when_it_ends(tenant: Tenant, api: Api, end: str) -> None:
    give(tenant, "5", "promotional", expires_at=in_(minutes=5))
    call = hold(api, 3, dispatched=end == "expired")
    database.advance_clock(301)
    close_due_lots()
    assert (balance(tenant), available(api)) == ("3", 0)
    if end.startswith("settled"):
        used = 3 if end == "settled whole" else 1
        assert api.settle(call, output=used).json()["charged"] == f"{used}.000000000"
    elif end == "released":
        assert api.release(call).status_code == 200
    else:
        used = 0
        database.advance_clock(300)
        assert end_expired_holds() == 1
    assert refused(api, 1)["affordable_output_tokens"] == 0
    close_due_lots()
    assert balance(tenant) == "0"
    charged, broken = one(
        "SELECT coalesce(sum(amount) FILTER (WHERE kind = 'usage'), 0), sum(amount) FILTER (WHERE kind = 'breakage')"
        " FROM wallets_transfer"
    )
    assert (charged + broken, charged) == (5, {"settled whole": 3, "settled in part": 1}.get(end, 0))
    verified()


def test_a_call_made_before_may_cost_more_than_it_holds_but_of_good_lots_only(tenant: Tenant, api: Api) -> None:
    give(tenant, "5", "promotional", expires_at=in_(minutes=5))
    give(tenant, "2")
    call = hold(api, 4)
    database.advance_clock(301)
    receipt = api.settle(call, output=9).json()
    assert (receipt["charged"], receipt["absorbed"]) == ("6.000000000", "3.000000000")
    assert [row[3] for row in posted("breakage")] == ["1"]
    verified()


def test_expired_credits_are_spent_by_nothing_even_if_nobody_swept_them(tenant: Tenant, api: Api) -> None:
    give(tenant, "5", "promotional", expires_at=in_(hours=1))
    give(tenant, "2")
    running = hold(api, 1)
    database.advance_clock(HOUR)
    with pytest.raises(Exception, match=r"^2\.0* is available"):
        adjust(organisation=tenant.organisation, amount=D(-3), reason="x", key="x")
    database.advance_clock(1)
    assert api.progress(running, 1, output=4).json()["reason"] == "insufficient_credits"
    assert available(api) == 2
    set_budget(organisation=tenant.organisation, scope="organisation", target="", period="day", amount=D(90))
    assert available(api) == 2
    assert api.settle(running, output=9).json()["absorbed"] == "6.000000000"
    verified()


@pytest.mark.parametrize("by", ["task", "authorise", "progress", "settle", "release", "grant", "adjustment"])
def test_whatever_comes_first_posts_what_expired_and_in_the_same_way(tenant: Tenant, api: Api, by: str) -> None:
    give(tenant, "9")
    give(tenant, "5", "promotional", expires_at=in_(minutes=2), priority=7)
    call = hold(api, 1)
    database.advance_clock(121)
    match by:
        case "task":
            assert close_due_lots() == 1
            assert close_due_lots() == 0
        case "authorise":
            hold(api, 1)
        case "progress":
            api.progress(call, 1, output=1)
        case "settle":
            api.settle(call, output=1)
        case "release":
            api.release(call)
        case "grant":
            give(tenant, "1")
        case "adjustment":
            adjust(organisation=tenant.organisation, amount=D(-1), reason="x", key="x")
    assert posted("breakage") == [("breakage", "credits_promotional", "breakage_revenue", "5")]
    verified()


def test_a_longer_call_keeps_what_it_was_extended_by_when_a_later_lot_expires(tenant: Tenant, api: Api) -> None:
    """A lot that was given while the call ran is spent by it; when that lot expires, the call's cover must not go."""
    give(tenant, "5")
    call = hold(api, 5)
    give(tenant, "9", "promotional", expires_at=in_(minutes=5))
    assert api.progress(call, 1, output=12).json()["held"] == "12.000000000"
    database.advance_clock(301)
    close_due_lots()
    assert (balance(tenant), [row[3] for row in posted("breakage")]) == ("12", ["2"])
    assert api.settle(call, output=12).json()["charged"] == "12.000000000"
    verified()


def test_a_batch_counts_on_nothing_that_expired_when_its_call_ended(tenant: Tenant, api: Api) -> None:
    """What one call gives back of an expired lot is not there for the next of the same batch."""
    give(tenant, "5", "promotional", expires_at=in_(minutes=5))
    first = hold(api, 5)
    database.advance_clock(301)
    give(tenant, "6")
    second, third = hold(api, 2), hold(api, 4)
    results = settle([_settled(tenant, first, "0"), _settled(tenant, second, "7")])
    assert [(r.outcome, r.figures["charge"], r.figures["absorbed"]) for r in results] == [
        ("settled", "0.000000000", "0.000000000"), ("settled", "2.000000000", "5.000000000"),
    ]  # fmt: skip
    assert api.settle(third, output=4).json()["charged"] == "4.000000000"
    assert [row[3] for row in posted("breakage")] == ["5"]
    verified()


def _settled(tenant: Tenant, call: str, cost: str) -> Settle:
    return Settle(
        organisation=tenant.id, key=f"batch {call}", fingerprint="", hold=call, cost=cost, ended_by="call",
        record=call, status="completed", service_tier="standard", leaves={"output": int(cost)}, list_cost=cost,
        estimated=False, flags=[],
    )  # fmt: skip


def test_expiry_and_a_settlement_at_the_same_time_take_each_cent_once(tenant: Tenant, api: Api) -> None:
    give(tenant, "50", "promotional", expires_at=in_(minutes=5))
    calls = [hold(api, 5) for _ in range(8)]
    database.advance_clock(301)
    start = threading.Barrier(9)
    answers: list[int] = []

    def act(work: object) -> None:
        start.wait()
        answers.append(work() if callable(work) else Api(tenant).settle(str(work), output=3).status_code)
        connection.close()

    threads = [threading.Thread(target=act, args=[work]) for work in (*calls, close_due_lots)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    close_due_lots()
    assert sorted(answers)[-8:] == [200] * 8
    assert rows_of("SELECT kind, sum(amount) FROM wallets_transfer WHERE kind <> 'grant' GROUP BY kind ORDER BY 1") == [
        ("breakage", D(26)), ("usage", D(24)),
    ]  # fmt: skip
    assert balance(tenant) == "0"
    verified()
