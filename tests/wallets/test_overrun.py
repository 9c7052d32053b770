"""What the platform absorbs on one local day has a limit; above it no call is authorised until finance clears it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from common.clock import billing_now
from common.tenancy import platform
from organisations.models import Organisation, User
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant
from tests.metering.figures import one, rows_of, verified
from tests.wallets.dollars import D, dollar_model, give, hold, posted, refused, spend
from wallets.services import clear_overrun

DAY = 24 * 3600


@pytest.fixture
def tenant(transactional_db: None, settings: object) -> Tenant:
    settings.ABSORBED_LIMIT = D(5)  # type: ignore[attr-defined]
    dollar_model()
    return make_tenant()


def absorb(tenant: Tenant, api: Api, dollars: int) -> None:
    """A call that costs so much more than it holds and the wallet has."""
    give(tenant, "1")
    call = hold(api, 1)
    assert api.settle(call, output=1 + dollars).json()["absorbed"] == f"{dollars}.000000000"


def suspended(api: Api) -> bool:
    answer = api.authorise(max_output_tokens=1)
    if answer.status_code == 403:
        assert answer.json()["code"] == "suspended_overrun"
        return True
    if answer.status_code == 201:
        api.release(answer.json()["id"])
    return False


def test_up_to_the_limit_calls_go_on_and_above_it_they_are_suspended(tenant: Tenant, api: Api) -> None:
    absorb(tenant, api, 3)
    absorb(tenant, api, 2)
    assert not suspended(api)
    absorb(tenant, api, 1)
    assert suspended(api)
    assert one("SELECT absorbed_today, overrun_since IS NOT NULL FROM wallets_wallet") == (D(6), True)
    verified()


def test_one_call_may_be_too_much_and_the_next_already_meets_the_suspension(tenant: Tenant, api: Api) -> None:
    absorb(tenant, api, 6)
    assert suspended(api)
    # Not for want of money, and not for another organisation.
    give(tenant, "50")
    assert suspended(api)
    ben = make_tenant("ben", credits="5")
    assert not suspended(Api(ben))


def test_running_calls_are_told_to_stop_and_may_end(tenant: Tenant, api: Api) -> None:
    give(tenant, "20")
    settles, releases, reports = hold(api, 4), hold(api, 5), hold(api, 6)
    spend(api, 4)
    call = hold(api, 1)
    api.settle(call, output=7)
    assert suspended(api)
    told = api.progress(reports, 1, output=2).json()
    assert (told["decision"], told["reason"], told["accrued"]) == ("stop", "suspended_overrun", "2.000000000")
    assert api.settle(settles, output=4).json()["charged"] == "4.000000000"
    assert api.release(releases).status_code == 200
    assert api.settle(reports, output=6).json()["charged"] == "6.000000000"
    verified()


def test_the_count_is_of_one_local_day(tenant: Tenant, api: Api) -> None:
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(billing_zone="Asia/Kathmandu")
    midnight = datetime(2027, 1, 14, 18, 15, tzinfo=UTC)
    database.advance_clock((midnight - billing_now()).total_seconds() - 60)
    absorb(tenant, api, 5)
    database.advance_clock(61)
    absorb(tenant, api, 5)
    assert not suspended(api)
    absorb(tenant, api, 1)
    assert suspended(api)


def test_a_suspension_does_not_end_with_the_day(tenant: Tenant, api: Api) -> None:
    absorb(tenant, api, 6)
    database.advance_clock(3 * DAY)
    assert suspended(api)


def test_finance_clears_it_with_a_reason_and_the_count_begins_anew(tenant: Tenant, api: Api, finance: User) -> None:
    absorb(tenant, api, 6)
    with pytest.raises(ValidationError):
        clear_overrun(organisation=tenant.organisation, reason="  ", by=finance)
    assert suspended(api)
    clear_overrun(organisation=tenant.organisation, reason="A price was wrong", by=finance)
    assert not suspended(api)
    # Told twice, it is noted once.
    clear_overrun(organisation=tenant.organisation, reason="again", by=finance)
    assert rows_of("SELECT absorbed, reason, cleared_by_id FROM wallets_overrunclearance") == [
        (D(6), "A price was wrong", finance.pk)
    ]
    absorb(tenant, api, 5)
    assert not suspended(api)
    absorb(tenant, api, 1)
    assert suspended(api)
    verified()


def test_a_key_that_was_used_before_has_its_answer_once_calls_go_on(tenant: Tenant, api: Api, finance: User) -> None:
    give(tenant, "9")
    first = api.authorise(key="k", max_output_tokens=2).json()
    spend(api, 6)
    api.settle(hold(api, 1), output=9)
    assert api.authorise(key="k", max_output_tokens=2).status_code == 403
    clear_overrun(organisation=tenant.organisation, reason="x", by=finance)
    assert api.authorise(key="k", max_output_tokens=2).json() == first
    verified()


def test_what_is_absorbed_is_posted_and_owed_by_nobody(tenant: Tenant, api: Api) -> None:
    absorb(tenant, api, 2)
    assert posted("usage", "absorbed") == [
        ("usage", "credits_paid", "usage_revenue", "1"), ("absorbed", "absorbed_overrun", "usage_revenue", "2"),
    ]  # fmt: skip
    assert refused(api, 1)["available"] == "0.000000000"
    assert one("SELECT raised_at > %s FROM metering_overrunalert", billing_now() - timedelta(minutes=1)) == (True,)
    verified()
