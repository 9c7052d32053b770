"""The walls in the database beside the service: whoever writes, a decision is one of two people, and final."""

import json

import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege

from common.tenancy import platform
from organisations.approvals import refuse
from organisations.models import Approval, User
from tests import cast
from tests.cast import ask_for_credits
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import rows_of


@pytest.fixture
def other(transactional_db: None) -> User:
    return make_user("approver@platform.example", "finance")


@pytest.fixture
def asked(tenant: Tenant) -> Approval:
    return ask_for_credits(tenant)


INTO = "organisations_approval SET"
MOMENT = "decided_at = asked_at"
APPROVED = f"state = 'approved', {MOMENT}"
WALLS = {
    "approval_by_two_people": f"UPDATE {INTO} {APPROVED}, decided_by_id = asked_by_id",
    "approval_refused_with_reason": f"UPDATE {INTO} state = 'refused', {MOMENT}, decided_by_id = %(other)s",
    "approval_state_fits_decision": f"UPDATE {INTO} {APPROVED}",
    "approval_asked_with_reason": f"UPDATE {INTO} reason = ''",
    "approval_amount_has_currency": f"UPDATE {INTO} currency = ''",
    "approval_expires_later": f"UPDATE {INTO} expires_at = asked_at",
}
FITS = [
    "state = 'approved', decided_by_id = %(other)s",  # no moment
    "state = 'approved', decided_by_id = %(other)s, decided_at = expires_at",  # too late
    "state = 'expired', decided_at = asked_at",  # too early
    "state = 'expired'",
    "state = 'expired', decided_at = expires_at, decided_by_id = %(other)s",  # by nobody
    "state = 'withdrawn', decided_at = asked_at",  # by nobody
    "state = 'done'",
    "decided_by_id = %(other)s",  # decided, but waiting
    "decision_reason = 'because'",
]


@pytest.mark.parametrize("name", WALLS)
def test_the_database_refuses_what_the_service_would_not_write(name: str, other: User, asked: Approval) -> None:
    with cast.owner() as owner, pytest.raises(CheckViolation) as refused:
        owner.execute(WALLS[name], {"other": other.pk})  # type: ignore[arg-type]
    assert refused.value.diag.constraint_name == name


@pytest.mark.parametrize("change", FITS)
def test_state_and_decision_have_to_fit(change: str, other: User, asked: Approval) -> None:
    with cast.owner() as owner, pytest.raises(CheckViolation) as refused:
        owner.execute(f"UPDATE {INTO} {change}", {"other": other.pk})  # type: ignore[arg-type]
    assert refused.value.diag.constraint_name == "approval_state_fits_decision"


def test_a_decision_is_final_and_no_row_begins_decided(other: User, asked: Approval) -> None:
    refuse(approval_id=asked.pk, by=other, reason="no")
    with cast.app(platform="write") as app, pytest.raises(CheckViolation, match="is decided already"):
        app.execute(f"UPDATE {INTO} {APPROVED}")
    [[row]] = rows_of("SELECT to_jsonb(t) FROM organisations_approval t")
    row |= {"id": 99, "key": "forged", "state": "approved"}
    names = cast.columns_of("organisations_approval")
    with cast.app(platform="write") as app, pytest.raises(CheckViolation, match="begins by being asked for"):
        app.execute(
            f"INSERT INTO organisations_approval ({names}) SELECT {names}"
            " FROM jsonb_populate_record(NULL::organisations_approval, %s::jsonb)", [json.dumps(row)]
        )  # fmt: skip


def test_support_can_write_none_of_it_in_the_database(tenant: Tenant, asked: Approval) -> None:
    with cast.app(platform="read") as app:
        assert app.execute(f"UPDATE {INTO} state = 'withdrawn'").rowcount == 0
        with pytest.raises(InsufficientPrivilege):
            app.execute("DELETE FROM organisations_approval")


def test_other_tenants_and_nobody_see_none_of_it(tenant: Tenant, other: User, asked: Approval) -> None:
    with platform("write"):
        copy = Approval.objects.get(pk=asked.pk)
        copy.pk, copy.key, copy.organisation, copy.amount, copy.currency = None, "prices", None, None, ""
        copy.save()
    ben = make_tenant("ben")
    for scope, seen in (((), 0), ((ben.id,), 0), ((tenant.id,), 1)):
        with cast.app(*scope) as app:
            assert app.execute("SELECT count(*) FROM organisations_approval").fetchone() == (seen,)
    with cast.app(platform="read") as app:
        assert app.execute("SELECT count(*) FROM organisations_approval").fetchone() == (2,)
