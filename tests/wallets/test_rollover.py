"""Credits of a plan: once a period, gone at its end but for what rolls over; bought ones outlive all that."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from common.clock import billing_now
from metering.expiry import end_expired_holds
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant
from tests.metering.figures import one, rows_of, verified
from tests.wallets.dollars import D, available, balance, dollar_model, give, hold, left, posted, spend
from wallets.errors import GrantKeyReused
from wallets.models import Grant
from wallets.services import close_due_lots, grant_included

DAY = 24 * 3600


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    dollar_model()
    return make_tenant()


def include(tenant: Tenant, start: datetime, amount: str = "50", days: int = 30, **fields: Any) -> Grant:
    end = start + timedelta(days=days)
    return grant_included(
        organisation=tenant.organisation, amount=D(amount), period_start=start, period_end=end, **fields
    )


def rolling(start: datetime, cap: str = "30", days: int = 60) -> dict[str, Any]:
    return {"rollover_cap": D(cap), "rollover_expires_at": start + timedelta(days=days)}


@pytest.mark.parametrize(("rolls", "after"), [(False, "75"), (True, "105")])
def test_bought_credits_outlive_the_periods_of_a_plan(tenant: Tenant, api: Api, rolls: bool, after: str) -> None:
    give(tenant, "25")
    start = billing_now()
    include(tenant, start, **(rolling(start) if rolls else {}))
    assert balance(tenant) == "75"
    spend(api, 10)
    assert balance(tenant) == "65"
    database.advance_clock(30 * DAY)
    include(tenant, start + timedelta(days=30))
    assert balance(tenant) == after
    assert rows_of("SELECT trim_scale(sum(amount))::text FROM wallets_transfer WHERE kind = 'breakage'") == [
        ("10" if rolls else "40",)
    ]
    # Cancelled at the end of the period: only what was bought is left.
    database.advance_clock(31 * DAY)
    close_due_lots()
    assert balance(tenant) == "25"
    assert {row[1] for row in posted("breakage")} == {"credits_included"}
    verified()


def test_what_rolled_over_is_a_lot_of_its_own_and_spent_before_the_new_allowance(tenant: Tenant, api: Api) -> None:
    start = billing_now()
    first = include(tenant, start, **rolling(start, "30", days=45))
    spend(api, 10)
    database.advance_clock(30 * DAY)
    second = include(tenant, start + timedelta(days=30))
    assert posted("rollover", "breakage") == [
        ("rollover", "credits_included", "included_expense", "30"),
        ("rollover", "included_expense", "credits_included", "30"),
        ("breakage", "credits_included", "breakage_revenue", "10"),
    ]
    rolled = one(
        "SELECT id, amount, remaining, rolled_from_id, expires_at FROM wallets_grant WHERE rolled_from_id IS NOT NULL"
    )
    assert rolled[1:] == (D(30), D(30), first.pk, start + timedelta(days=45))
    spend(api, 12)
    assert (one("SELECT remaining FROM wallets_grant WHERE id = %s", rolled[0]), left(second)) == ((D(18),), D(50))
    # It has an end of its own, and does not roll over again.
    database.advance_clock(15 * DAY)
    close_due_lots()
    assert balance(tenant) == "50"
    assert one("SELECT count(*) FROM wallets_grant WHERE rolled_from_id IS NOT NULL") == (1,)
    verified()


def test_less_than_the_cap_rolls_over_whole(tenant: Tenant, api: Api) -> None:
    start = billing_now()
    include(tenant, start, **rolling(start))
    spend(api, 45)
    database.advance_clock(30 * DAY)
    assert available(api) == 5
    assert posted("breakage") == []
    verified()


def test_nothing_rolls_over_once_its_own_end_has_passed_too(tenant: Tenant) -> None:
    """Nobody looked for months."""
    start = billing_now()
    include(tenant, start, **rolling(start, days=40))
    database.advance_clock(41 * DAY)
    close_due_lots()
    assert balance(tenant) == "0"
    assert posted("rollover") == []
    assert [row[3] for row in posted("breakage")] == ["50"]
    verified()


def test_what_running_calls_keep_rolls_over_when_they_end_up_to_the_same_cap(tenant: Tenant, api: Api) -> None:
    start = billing_now()
    include(tenant, start, days=1, **rolling(start, "30"))
    database.advance_clock(DAY - 60)
    calls = [hold(api, 15, ttl_seconds=600), hold(api, 15, ttl_seconds=600)]
    database.advance_clock(61)
    close_due_lots()
    # 20 were free: they roll over, 10 more may.
    assert (balance(tenant), [row[3] for row in posted("breakage")]) == ("50", [])
    api.settle(calls[0], output=9)
    close_due_lots()
    assert (balance(tenant), [row[3] for row in posted("breakage")]) == ("41", [])
    database.advance_clock(601)
    assert end_expired_holds() == 1
    close_due_lots()
    assert (balance(tenant), [row[3] for row in posted("breakage")]) == ("30", ["11"])
    assert one("SELECT sum(amount) FROM wallets_grant WHERE rolled_from_id IS NOT NULL") == (D(30),)
    verified()


def test_one_allowance_a_period_however_often_and_from_how_many_sides_it_is_asked(tenant: Tenant) -> None:
    start, barrier = billing_now(), threading.Barrier(6)
    given: list[int] = []

    def act() -> None:
        barrier.wait()
        given.append(include(tenant, start).pk)
        connection.close()

    threads = [threading.Thread(target=act) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert (len(given), len(set(given)), balance(tenant)) == (6, 1, "50")
    with pytest.raises(GrantKeyReused):
        include(tenant, start, "60")
    with pytest.raises(GrantKeyReused):
        include(tenant, start, days=31)
    assert balance(tenant) == "50"
    verified()


def test_an_allowance_never_lowers_a_balance(tenant: Tenant) -> None:
    give(tenant, "900")
    include(tenant, billing_now())
    assert balance(tenant) == "950"
