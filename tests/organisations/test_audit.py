"""The audit trail: each change of people, tenants and keys, with who and what, however it was made, and no secret."""

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from common.tenancy import acting_as, platform, tenant
from organisations.models import Agent, ApiKey, Member, Organisation, Project, User
from organisations.services import change_role, issue_api_key, revoke_api_key, suspend_organisation
from plans.models import Subscription
from plans.services import put_on_plan
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_plan, make_user
from tests.metering.figures import rows_of

AUDITED = {
    "organisations_user", "organisations_organisation", "organisations_member", "organisations_project",
    "organisations_agent", "organisations_apikey", "plans_subscription",
}  # fmt: skip
STAFF = {"organisations_approval"}
BUDGETS = {"wallets_budget"}  # but for those of runs
PRICES = {"providers_model", "providers_modelalias", "providers_rate"}


def entries(table: str = "%") -> list[Any]:
    return rows_of(
        'SELECT actor, action, "table", before, after, organisation_id FROM organisations_auditentry'
        ' WHERE "table" LIKE %s ORDER BY id', table,
    )  # fmt: skip


@pytest.fixture
def quiet(tenant: Tenant) -> Tenant:
    """A tenant with a member whose making is no longer in the trail."""
    make_user("owner@ada.example", member_of=tenant.organisation)
    with database.owner() as owner:
        owner.execute("TRUNCATE organisations_auditentry")
    return tenant


def test_making_a_tenant_leaves_an_entry_for_each_row(tenant: Tenant) -> None:
    make_user("owner@ada.example", member_of=tenant.organisation)
    found = entries()
    assert {table for _, _, table, *_ in found} == AUDITED
    assert {action for _, action, *_ in found} == {"insert"}
    assert {organisation for _, _, table, *_, organisation in found if table != "organisations_user"} == {tenant.id}


def test_the_trigger_stands_on_every_audited_table() -> None:
    found = rows_of("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audit' AND tgenabled = 'O'")
    assert {table for (table,) in found} == AUDITED | STAFF | BUDGETS | PRICES


BULK = [
    (User, {"name": "New"}, "organisations_user"),
    (Organisation, {"billing_zone": "Asia/Tokyo"}, "organisations_organisation"),
    (Member, {"role": "viewer"}, "organisations_member"),
    (Project, {"name": "New"}, "organisations_project"),
    (Agent, {"name": "New"}, "organisations_agent"),
    (ApiKey, {"revoked_at": "2026-01-01T00:00:00Z"}, "organisations_apikey"),
]


@pytest.mark.parametrize(("model", "change", "table"), BULK, ids=[table for *_, table in BULK])
def test_a_bulk_update_is_recorded_with_what_changed_and_by_whom(
    quiet: Tenant, model: Any, change: dict[str, str], table: str
) -> None:
    with acting_as("user:77"), platform("write"):
        assert model.objects.update(**change) == 1
    [(actor, action, found, before, after, organisation)] = entries()
    assert (actor, action, found) == ("user:77", "update", table)
    assert set(before) == set(after) == set(change)
    assert before != after
    assert organisation == (None if model is User else quiet.id)


def test_a_change_of_plan_is_recorded(quiet: Tenant) -> None:
    other = make_plan("other", "2")
    with acting_as("user:5"):
        put_on_plan(organisation=quiet.organisation, plan=other)
    [(actor, action, table, _, after, organisation)] = entries()
    assert (actor, action, table, organisation) == ("user:5", "update", "plans_subscription", quiet.id)
    assert after["plan_id"] == other.pk
    with acting_as("user:6"), platform("write"):
        Subscription.objects.update(plan=make_plan())
    assert entries()[-1][0] == "user:6"


def test_services_record_who_acts(quiet: Tenant) -> None:
    with acting_as("user:1"):
        key = issue_api_key(organisation=quiet.organisation, name="reader", scopes=["read"]).key
        revoke_api_key(key=key)
    with acting_as("user:2"):
        suspend_organisation(organisation=quiet.organisation, reason="unpaid")
    suspend_organisation(organisation=quiet.organisation, reason="still unpaid")
    assert [(actor, action, table) for actor, action, table, *_ in entries()] == [
        ("user:1", "insert", "organisations_apikey"),
        ("user:1", "update", "organisations_apikey"),
        ("user:2", "update", "organisations_organisation"),
        ("system", "update", "organisations_organisation"),
    ]
    assert entries()[-1][4]["suspended_reason"] == "still unpaid"


def test_a_removed_member_leaves_who_it_was(quiet: Tenant) -> None:
    with acting_as("user:1"), tenant(quiet.id):
        Member.objects.all().delete()
    [(actor, action, _, before, after, _)] = entries()
    assert (actor, action, after) == ("user:1", "delete", None)
    assert before["role"] == "owner"


def test_no_change_leaves_no_entry(quiet: Tenant) -> None:
    with platform("write"):
        Organisation.objects.update(name="Ada")
        member = Member.objects.get()
    with pytest.raises(Exception, match="only owner"):
        change_role(member=member, role="viewer")
    Api(quiet).get("balance")
    assert entries() == []


def test_what_was_undone_leaves_no_entry(quiet: Tenant) -> None:
    with pytest.raises(ZeroDivisionError), platform("write"):  # noqa: PT012
        Organisation.objects.update(name="New")
        raise ZeroDivisionError
    assert entries() == []


def test_no_secret_is_ever_copied(tenant: Tenant) -> None:
    user = make_user("a@example.com")
    hashed = make_password("another good password")
    User.objects.filter(pk=user.pk).update(password=hashed)
    text = json.dumps([(before, after) for _, _, _, before, after, _ in entries()])
    assert entries("organisations_user")[-1][3:5] == ({"password": "hidden"}, {"password": "hidden"})
    assert hashed not in text
    assert user.password not in text
    assert "argon2" not in text
    [(digest,)] = rows_of("SELECT encode(digest, 'hex') FROM organisations_apikey")
    assert digest not in text
    assert entries("organisations_apikey")[0][4]["digest"] == "hidden"


def test_a_statement_by_hand_is_recorded_too(quiet: Tenant) -> None:
    with database.owner() as owner:
        owner.execute("SELECT set_config('app.platform', 'write', false)")
        owner.execute("UPDATE organisations_organisation SET name = 'By hand'")
    [(actor, *_, after, _)] = entries()
    assert (actor, after) == ("system", {"name": "By hand"})


def test_recording_gives_nobody_a_wider_scope(quiet: Tenant) -> None:
    from django.db import connection

    with tenant(quiet.id), connection.cursor() as cursor:
        Organisation.objects.update(name="New")
        cursor.execute("SELECT current_setting('app.platform')")
        assert cursor.fetchone() == ("",)
    with connection.cursor() as cursor:
        User.objects.update(name="New")
        cursor.execute("SELECT current_setting('app.platform', true)")
        assert cursor.fetchone()[0] in (None, "")
