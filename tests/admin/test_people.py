"""People in the admin: superusers add them and give roles, nobody raises themself, staff and members stay apart."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections

from organisations.models import User
from tests import cast
from tests.factories import Tenant, make_user

NEW = "/admin/organisations/user/new/"
PASSWORD = "correct horse battery staple"


def page(user: User, what: str = "change") -> str:
    return f"/admin/organisations/user/{user.pk}/{what}/"


def form(user: User, **fields: Any) -> dict[str, Any]:
    return {"email": user.email, "name": user.name, "platform_role": user.platform_role, "is_active": "on", **fields}


def account(**fields: str) -> dict[str, str]:
    sent = {"email": "new@platform.example", "name": "New", "platform_role": "finance"}
    return {**sent, "password": PASSWORD, "again": PASSWORD, **fields}


def test_a_superuser_adds_staff_who_can_sign_in(staff: SimpleNamespace, client_for: Any, client: Any) -> None:
    assert client_for(staff.superuser).post(NEW, account(email="New@Platform.example")).status_code == 302
    made = User.objects.get(email="new@platform.example")
    assert made.platform_role == "finance"
    signed_in = client.post("/accounts/login/", {"login": made.email, "password": PASSWORD})
    assert signed_in.status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"password": "short", "again": "short"}, "password"), ({"again": "another"}, "again"), ({"email": "no"}, "email"),
     ({"email": "FINANCE@platform.example"}, "email"), ({"platform_role": "god"}, "platform_role")],
)  # fmt: skip
def test_bad_accounts_are_not_made(fields: dict[str, str], named: str, staff: SimpleNamespace, client_for: Any) -> None:
    answer = client_for(staff.superuser).post(NEW, account(**fields))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [named])
    assert User.objects.count() == 3


def test_roles_are_changed_but_never_ones_own(staff: SimpleNamespace, client_for: Any) -> None:
    client = client_for(staff.superuser)
    assert client.post(page(staff.support), form(staff.support, platform_role="finance")).status_code == 302
    assert User.objects.get(pk=staff.support.pk).platform_role == "finance"
    for fields in ({"platform_role": "finance"}, {"platform_role": ""}, {"is_active": ""}):
        answer = client.post(page(staff.superuser), form(staff.superuser, **fields))
        assert answer.status_code == 422
        assert "Nobody changes their own role" in answer.content.decode()
    assert client.post(page(staff.superuser), form(staff.superuser, name="Renamed")).status_code == 302
    assert User.objects.get(pk=staff.superuser.pk).is_superuser


def test_a_member_never_becomes_staff(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    member, client = User.objects.get(email="owner@ada.example"), client_for(staff.superuser)
    answer = client.post(page(member), form(member, platform_role="support"))
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (422, ["platform_role"])
    assert User.objects.get(pk=member.pk).platform_role == ""


def test_two_superusers_cannot_remove_each_other(staff: SimpleNamespace, client_for: Any) -> None:
    second = make_user("second@platform.example", "superuser")
    pairs = [(client_for(staff.superuser), second), (client_for(second), staff.superuser)]

    def remove(client: Any, other: User) -> None:
        client.post(page(other), form(other, platform_role="support"))
        connections.close_all()

    threads = [threading.Thread(target=remove, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(platform_role="superuser").count() == 1


def test_a_password_is_set_and_ends_sessions(staff: SimpleNamespace, client_for: Any) -> None:
    theirs = client_for(staff.finance)
    assert theirs.get("/admin/").status_code == 200
    sent = {"password": PASSWORD, "again": PASSWORD}
    assert client_for(staff.superuser).post(page(staff.finance, "password"), sent).status_code == 302
    assert User.objects.get(pk=staff.finance.pk).check_password(PASSWORD)
    assert theirs.get("/admin/").status_code == 302


@pytest.mark.parametrize("role", ["finance", "support"])
def test_other_staff_may_only_look(role: str, lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client, before = client_for(getattr(staff, role)), cast.contents()
    assert client.get("/admin/organisations/user/").status_code == 200
    assert client.get(page(staff.superuser)).status_code == 200
    own = getattr(staff, role)
    sent = form(own, platform_role="superuser", is_superuser="on", is_staff="on")
    assert client.post(page(own), sent).status_code == 403
    assert client.post(page(staff.superuser), form(staff.superuser, email="mine@x.example")).status_code == 403
    assert client.post(page(staff.superuser, "password"), {"password": PASSWORD, "again": PASSWORD}).status_code == 403
    assert client.post(NEW, account()).status_code == 403
    assert cast.contents() == before


def test_hashes_are_neither_shown_nor_guessed_by_filters(staff: SimpleNamespace, client_for: Any) -> None:
    client = client_for(staff.superuser)
    for path in ("/admin/organisations/user/", page(staff.finance)):
        shown = client.get(path).content.decode()
        assert "md5$" not in shown
        assert staff.finance.password[:30] not in shown
    for query in ("password__startswith=argon2", "memberships__user__password__startswith=a"):
        assert client.get(f"/admin/organisations/user/?{query}").status_code == 400
