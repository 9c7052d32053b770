"""Signing in: e-mail and password at one door; nobody signs up; wrong guesses run into a limit."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tests.factories import Tenant, make_user
from tests.metering.figures import rows_of

pytestmark = pytest.mark.usefixtures("transactional_db")
PASSWORD = "a good password"


@pytest.fixture(autouse=True)
def _no_limit_left_over() -> None:
    cache.clear()


def sign_in(email: str, password: str = PASSWORD, client: Client | None = None, **query: str) -> tuple[Client, object]:
    client = client or Client(raise_request_exception=False)
    return client, client.post("/accounts/login/", {"login": email, "password": password, **query})


@pytest.mark.parametrize("typed", ["ada@example.com", "ADA@Example.COM", " ada@example.com "])
def test_an_address_is_taken_in_any_case(typed: str) -> None:
    make_user("ada@example.com")
    client, answer = sign_in(typed)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("ada@example.com", ""),
        ("a\x00@b", "c"),
    ],
)
def test_anything_else_is_refused_alike(email: str, password: str) -> None:
    make_user("ada@example.com")
    client, answer = sign_in(email, password)
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_an_inactive_person_does_not_get_in() -> None:
    user = make_user("ada@example.com")
    user.is_active = False
    user.save()
    client, _ = sign_in("ada@example.com")
    assert "_auth_user_id" not in client.session


def test_staff_land_in_the_admin() -> None:
    make_user("finance@platform.example", "finance")
    assert sign_in("finance@platform.example")[1]["Location"] == "/admin/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "https:evil.example"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    make_user("ada@example.com")
    assert sign_in("ada@example.com", next=target)[1]["Location"] == "/"
    admin = Client().get("/admin/login/", {"next": target})
    assert "evil" not in admin["Location"].partition("?")[0]


def test_guessing_runs_into_a_limit() -> None:
    make_user("ada@example.com")
    for _ in range(12):
        sign_in("ada@example.com", "wrong")
    client, answer = sign_in("ada@example.com")
    assert "_auth_user_id" not in client.session
    assert answer.status_code in (200, 429)


def test_nobody_signs_up() -> None:
    for path in ("/accounts/signup/", "/accounts/email/", "/accounts/"):
        assert Client().get(path).status_code == 404


def test_a_forgotten_password_is_reset_by_mail_and_the_answer_tells_nobody_who_exists() -> None:
    make_user("ada@example.com")
    for email in ("ada@example.com", "nobody@example.com"):
        answer = Client().post("/accounts/password/reset/", {"email": email})
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/reset/done/")
    to = [message.to for message in mail.outbox]
    assert ["ada@example.com"] in to


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(tenant: Tenant) -> None:
    make_user("ada@example.com", member_of=tenant.organisation)
    client, _ = sign_in("ada@example.com")
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_signing_out_ends_the_session() -> None:
    make_user("ada@example.com")
    client, _ = sign_in("ada@example.com")
    client.post("/accounts/logout/")
    assert client.get("/").status_code == 302


def test_an_old_address_opens_nothing_once_it_is_changed() -> None:
    root, person = make_user("root@platform.example", "superuser"), make_user("old@platform.example", "finance")
    session, _ = sign_in(person.email)  # allauth keeps the address from here on
    assert session.get("/admin/").status_code == 200
    admin, _ = sign_in(root.email)
    fields = {"email": "new@platform.example", "name": "", "platform_role": "finance", "is_active": "on"}
    assert admin.post(f"/admin/organisations/user/{person.pk}/change/", fields).status_code == 302
    assert session.get("/admin/").status_code == 302  # the session has ended
    assert sign_in("old@platform.example")[1].status_code == 200  # refused: the form again
    Client().post("/accounts/password/reset/", {"email": "old@platform.example"})
    assert mail.outbox == []
    assert sign_in("new@platform.example")[1].status_code == 302


def test_the_audit_trail_says_who_set_a_password(caplog: pytest.LogCaptureFixture) -> None:
    person = make_user("ada@platform.example", "finance")
    client, _ = sign_in(person.email)
    fields = {"old_password": PASSWORD, "new_password1": "another good one", "new_password2": "another good one"}
    assert client.post("/admin/password_change/", fields).status_code == 302
    Client().post("/accounts/password/reset/", {"email": person.email})
    link = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[0].body)[0]
    with caplog.at_level("INFO", "request"):
        stranger = Client()
        form = stranger.get(link, follow=True)
        stranger.post(form.redirect_chain[-1][0], {"password1": "a third good one", "password2": "a third good one"})
    assert sign_in(person.email, "a third good one")[1].status_code == 302
    actors = rows_of(
        "SELECT actor, request <> '' FROM organisations_auditentry"
        " WHERE action = 'update' AND after ? 'password' ORDER BY id"
    )
    assert actors == [(f"user:{person.pk}", True), ("reset link", True)]
    assert link.rstrip("/").rpartition("-")[2] not in caplog.text  # the link opens the account until it is used
