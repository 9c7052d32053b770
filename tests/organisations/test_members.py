"""Organisations and their members: who may join, and that somebody always owns."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from organisations.errors import LastOwner, StaffIsNeverMember
from organisations.models import Member, Organisation, User
from organisations.selectors import membership, my_organisations
from organisations.services import (
    add_member,
    change_role,
    create_agent,
    create_organisation,
    create_project,
    resume_organisation,
    suspend_organisation,
)
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import one, rows_of, verified


def test_the_last_owner_stays_owner(tenant: Tenant) -> None:
    make_user("first@example.com", member_of=tenant.organisation)
    [first] = my_organisations(User.objects.get())
    with pytest.raises(LastOwner):
        change_role(member=first, role="admin")
    assert one("SELECT role FROM organisations_member") == ("owner",)
    make_user("second@example.com", member_of=tenant.organisation)
    assert change_role(member=first, role="admin").role == "admin"


def test_an_owner_of_another_organisation_does_not_count(tenant: Tenant) -> None:
    ben = make_tenant("ben")
    make_user("ben@example.com", member_of=ben.organisation)
    user = make_user("ada@example.com", member_of=tenant.organisation)
    with pytest.raises(LastOwner):
        change_role(member=my_organisations(user)[0], role="viewer")


def test_two_owners_stepping_down_at_once_leave_one(tenant: Tenant) -> None:
    users = [make_user(f"{n}@example.com", member_of=tenant.organisation) for n in range(2)]
    members, start, refused = [my_organisations(user)[0] for user in users], threading.Barrier(2), []

    def step_down(member: Member) -> None:
        start.wait()
        try:
            change_role(member=member, role="viewer")
        except LastOwner:
            refused.append(member.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=step_down, args=[member]) for member in members]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(refused) == 1
    assert rows_of("SELECT id FROM organisations_member WHERE role = 'owner'") == [(refused[0],)]


@pytest.mark.parametrize("role", ["superuser", "finance", "support"])
def test_staff_are_never_members(tenant: Tenant, role: str) -> None:
    user = make_user("staff@platform.example", role)
    with pytest.raises(StaffIsNeverMember):
        add_member(organisation=tenant.organisation, user=user, role="viewer")
    assert one("SELECT count(*) FROM organisations_member") == (0,)
    verified()


@pytest.mark.parametrize("role", ["", "superuser", "Owner", "root"])
def test_there_are_five_roles(tenant: Tenant, role: str) -> None:
    with pytest.raises(ValidationError):
        add_member(organisation=tenant.organisation, user=make_user("a@example.com"), role=role)


def test_nobody_is_a_member_twice(tenant: Tenant) -> None:
    user = make_user("a@example.com", member_of=tenant.organisation)
    with pytest.raises(ValidationError):
        add_member(organisation=tenant.organisation, user=user, role="viewer")


def test_a_person_sees_their_organisations_only(tenant: Tenant) -> None:
    from common.problems import NotFound

    ben = make_tenant("ben")
    user = make_user("ada@example.com", member_of=tenant.organisation)
    assert [m.organisation.slug for m in my_organisations(user)] == ["ada"]
    for slug in (ben.organisation.slug, "nobody", ""):
        with pytest.raises(NotFound):
            membership(user, slug)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"billing_zone": "Europe/Atlantis"}, "billing_zone"),
        ({"billing_zone": "../etc/passwd"}, "billing_zone"),
        ({"currency": "usd"}, "organisation_currency_code"),
        ({"currency": "US1"}, "organisation_currency_code"),
        ({"currency": "USDT"}, "currency"),
        ({"email": "not an address"}, "email"),
        ({"email": "a@example.com\r\nBcc: all@example.com"}, "email"),
        ({"slug": "with space"}, "slug"),
        ({"slug": "ada"}, "organisation_slug_once"),
        ({"name": ""}, "name"),
        ({"name": "x" * 151}, "name"),
    ],
)
def test_bad_fields_of_an_organisation_are_refused(tenant: Tenant, fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        create_organisation(**{"name": "New", "slug": "new", "email": "new@example.com", **fields})  # type: ignore[arg-type]
    assert wrong in str(refused.value) or "already exists" in str(refused.value)
    assert one("SELECT count(*) FROM organisations_organisation") == (1,)


def test_slugs_are_unique_within_an_organisation_only(tenant: Tenant) -> None:
    ben = make_tenant("ben")  # has a project "main" and an agent "agent", too
    for make in (
        lambda: create_project(organisation=tenant.organisation, name="Again", slug="main"),
        lambda: create_agent(project=ben.project, name="Again", slug="agent"),
    ):
        with pytest.raises(ValidationError):
            make()


def test_suspending_needs_a_reason_and_is_undone(tenant: Tenant) -> None:
    for reason in ("", "   "):
        with pytest.raises(ValidationError):
            suspend_organisation(organisation=tenant.organisation, reason=reason)
    suspend_organisation(organisation=tenant.organisation, reason=" unpaid ")
    assert one("SELECT suspended_at IS NOT NULL, suspended_reason FROM organisations_organisation") == (True, "unpaid")
    resume_organisation(organisation=tenant.organisation)
    assert one("SELECT suspended_at, suspended_reason FROM organisations_organisation") == (None, "")


@pytest.mark.usefixtures("transactional_db")
def test_an_address_belongs_to_one_person_whatever_its_case() -> None:
    User.objects.create_user("Ada@Example.com")
    assert one("SELECT email FROM organisations_user") == ("ada@example.com",)
    with pytest.raises(IntegrityError):
        User.objects.create_user("ADA@example.COM")
    with pytest.raises(IntegrityError):
        User.objects.bulk_create([User(email="ADA@EXAMPLE.COM")])


@pytest.mark.usefixtures("transactional_db")
def test_platform_roles_are_three_and_support_does_not_write_money() -> None:
    with pytest.raises(IntegrityError, match="user_platform_role"):
        make_user("x@example.com", "god")
    rights = {
        role: (u := User(platform_role=role)).is_staff and (u.is_superuser, u.writes_money)
        for role in User.PlatformRole.values
    }
    assert rights == {"": False, "superuser": (True, True), "finance": (False, True), "support": (False, False)}


def test_an_inactive_staff_member_has_no_rights() -> None:
    active, inactive = User(platform_role="superuser"), User(platform_role="superuser", is_active=False)
    assert active.has_perm("wallets.view_wallet")
    assert not inactive.has_perm("wallets.view_wallet")
    assert not inactive.has_module_perms("wallets")
    assert not User(platform_role="finance").has_perm("organisations.change_user")
    assert not User(platform_role="support").has_perm("organisations.delete_member")
    assert Organisation(name="Ada").__str__() == "Ada"
