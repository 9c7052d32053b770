"""Two ends of one call at once: exactly one wins, and a call that is still alive is left alone."""

import uuid
from decimal import Decimal

import pytest

from metering import expiry, ledger
from metering.expiry import end_expired_holds
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, verified, wallet

D = Decimal


@pytest.fixture(autouse=True)
def model(transactional_db: None) -> object:
    return make_model({"input": "10", "output": "20"})


def test_a_call_that_reports_while_the_sweeper_looks_is_left_alone(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=100, dispatched=True, ttl_seconds=30).json()["id"]
    database.advance_clock(31)
    [seen] = expiry._expired()  # the sweeper has read it
    api.progress(hold, 1, input=1)  # and then the call reports
    [result] = ledger.settle([expiry._estimated(seen)])
    assert result.outcome == "renewed"
    assert one("SELECT state FROM wallets_hold") == ("open",)
    assert api.settle(hold, input=1).status_code == 200
    verified()


def test_a_call_that_settles_while_the_sweeper_looks_is_charged_once(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=100, dispatched=True, ttl_seconds=30).json()["id"]
    database.advance_clock(31)
    [seen] = expiry._expired()
    api.settle(hold, input=7)
    [result] = ledger.settle([expiry._estimated(seen)])
    assert result.outcome == "ended"
    assert wallet(tenant.id) == (D("99.99993"), D(0))
    verified()


def test_a_batch_ends_many_calls_of_many_organisations_in_one_step(api: Api, tenant: Tenant) -> None:
    ben = Api(make_tenant("ben", credits="1"))
    for caller in (api, ben, api):
        caller.authorise(input_tokens=100, dispatched=True)
        caller.authorise(input_tokens=100)
    database.advance_clock(601)
    assert end_expired_holds() == 6
    assert one("SELECT count(*), sum(charge) FROM metering_usagerecord WHERE estimated") == (3, D("0.003"))
    verified()


def test_a_hold_that_can_not_be_ended_holds_up_no_other(api: Api, tenant: Tenant) -> None:
    ben = make_tenant("ben", credits="1")
    for caller in (api, api, Api(ben)):
        caller.authorise(input_tokens=100, dispatched=True)
    with database.owner() as connection:  # a fault that the ledger must refuse to post on top of
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE wallets_grant SET remaining = 0 WHERE organisation_id = %s", [tenant.id])
    database.advance_clock(601)
    assert end_expired_holds() == 1
    assert one("SELECT organisation_id FROM wallets_hold WHERE state = 'settled'") == (ben.id,)


def test_an_operation_on_an_unknown_hold_changes_nothing(tenant: Tenant) -> None:
    operation = ledger.Release(tenant.id, None, "", str(uuid.uuid4()), "expiry")
    [result] = ledger.release([operation])
    assert result.outcome == "missing"
    assert wallet(tenant.id) == (D(100), D(0))
