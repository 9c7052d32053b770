"""What stands around every page of an organisation: sections by role, the balance, my other organisations."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.core.cache import cache
from django.test import Client

from organisations.models import User
from organisations.services import add_member, suspend_organisation
from tests.factories import Tenant, give, make_tenant, make_user

Clients = Callable[[User | None], Client]
PAGES = ("/o/ada/", "/o/ada/live/", "/o/ada/members/", "/o/ada/members/add/", "/o/ada/keys/", "/o/ada/keys/issue/")


@pytest.fixture
def owning(client_for: Clients, owner: User) -> Client:
    return client_for(owner)


def text(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    return unescape(answer.content.decode())


def sections(page: str) -> dict[str, str]:
    nav = re.search(r'<nav aria-label="Sections">(.*?)</nav>', page, re.S)
    assert nav
    links = re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>([^<]+)</a>', nav[1])
    return {label: current for _, current, label in links}


@pytest.mark.parametrize(
    ("credits", "state", "word"), [("10", "ok", "Available"), ("9.99", "low", "Low"), ("0", "stopped", "Stopped")]
)
def test_the_balance_is_on_every_page_and_says_when_it_is_low(
    client_for: Clients, transactional_db: None, credits: str, state: str, word: str
) -> None:
    organisation = make_tenant("ada", credits=credits if credits != "0" else None).organisation
    client = client_for(make_user("owner@ada.example", member_of=organisation))
    for path in PAGES:
        pill = re.search(r'<a class="pill (\w+)" id="pill" href="([^"]+)">(.*?)</a>', text(client, path), re.S)
        assert pill, path
        assert (pill[1], pill[2]) == (state, "/o/ada/live/")
        shown = re.sub(r"<[^>]+>", "", pill[3])
        assert shown.startswith(word)
        assert shown.endswith({"10": "$10.00", "9.99": "$9.99", "0": "$0.00"}[credits])


@pytest.mark.parametrize(
    ("role", "manages"), [("owner", True), ("admin", True), ("billing", False), ("developer", False), ("viewer", False)]
)
def test_sections_are_those_of_the_role(client_for: Clients, tenant: Tenant, role: str, manages: bool) -> None:
    client = client_for(make_user("a@ada.example", member_of=tenant.organisation, as_=role))
    shown = sections(text(client, "/o/ada/"))
    assert {"Overview", "Live", "Members", "API reference"} <= set(shown)
    assert ("API keys" in shown) is manages


def test_the_section_one_is_in_is_marked(owning: Client) -> None:
    assert [label for label, current in sections(text(owning, "/o/ada/")).items() if current] == ["Overview"]
    members, adding = (sections(text(owning, f"/o/ada/members/{rest}")) for rest in ("", "add/"))
    assert ({k: v for k, v in members.items() if v}, {k: v for k, v in adding.items() if v}) == (
        {"Members": "page"},
        {"Members": "true"},
    )


def test_the_switcher_holds_my_organisations_and_no_others(owning: Client, owner: User) -> None:
    assert '<details class="menu switcher"' not in text(owning, "/o/ada/")  # nothing to switch to
    ben, cleo = make_tenant("ben", sandbox=True), make_tenant("cleo")
    make_tenant("dora")
    suspend_organisation(organisation=cleo.organisation, reason="unpaid")
    for other in (ben, cleo):
        add_member(organisation=other.organisation, user=owner, role="viewer")
    menu = re.search(r'<details class="menu switcher">(.*?)</details>', text(owning, "/o/ada/"), re.S)
    assert menu
    rows = {row[0]: row[1] for row in re.findall(r'<li><a href="(/o/\w+/)"(.*?)</li>', menu[1], re.S)}
    assert list(rows) == ["/o/ada/", "/o/ben/", "/o/cleo/"]
    assert 'aria-current="true"' in rows["/o/ada/"]
    assert "Sandbox" in rows["/o/ben/"]
    assert "Suspended" in rows["/o/cleo/"]
    assert "Viewer" in rows["/o/cleo/"]


def test_a_sandbox_and_the_zone_of_billing_days_are_said(client_for: Clients, transactional_db: None) -> None:
    box = make_tenant("ada", sandbox=True, billing_zone="Asia/Kathmandu").organisation
    page = text(client_for(make_user("a@ada.example", member_of=box)), "/o/ada/members/")
    header = page[page.index("<header") : page.index("</header>")]
    assert "Sandbox" in header
    assert "Billing days in" in page
    assert "Asia/Kathmandu" in page


def test_the_account_menu_says_who_i_am_here(owning: Client, owner: User) -> None:
    page = text(owning, "/o/ada/")
    menu = page[page.index('<details class="menu user">') :]
    for said in (owner.email, "Owner of Ada", "/accounts/password/change/", "/accounts/logout/"):
        assert said in menu


def test_a_page_costs_the_shell_few_questions(
    owning: Client, owner: User, django_assert_max_num_queries: object
) -> None:
    for n in range(12):
        add_member(organisation=make_tenant(f"other-{n}").organisation, user=owner, role="viewer")
    with django_assert_max_num_queries(20):  # type: ignore[operator]  # session, user, scope, memberships, wallet, page
        owning.get("/o/ada/members/")


# --- Error pages ----------------------------------------------------------------------------------------------------
def test_error_pages_say_what_is_wrong_and_lead_back(owning: Client, tenant: Tenant, client_for: Clients) -> None:
    viewer = client_for(make_user("v@ada.example", member_of=tenant.organisation, as_="viewer"))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(email="v@ada.example"))
    shown = {
        404: text(owning, "/o/nobody/", 404),
        403: text(viewer, "/o/ada/keys/", 403),
        400: text(Client(raise_request_exception=False, headers={"Host": "evil.example"}), "/", 400),
    }
    refused = strict.post("/accounts/logout/")
    assert refused.status_code == 403
    pages = [*shown.values(), unescape(refused.content.decode())]
    for said, page in zip(
        ("There is no such page", "your role", "can't be read", "This form can't be taken"), pages, strict=False
    ):
        assert said in page
        assert 'href="/"' in page
        assert "Traceback" not in page
        assert "/static/css/parts.css" in page


def test_who_tries_too_often_is_told_to_wait(transactional_db: None) -> None:
    cache.clear()
    client, tries = Client(), {"email": "ada@example.com"}
    answers = [client.post("/accounts/password/reset/", tries) for _ in range(25)]
    assert answers[-1].status_code == 429
    assert "Too many attempts" in answers[-1].content.decode()
    assert "/static/css/parts.css" in answers[-1].content.decode()
    cache.clear()


def test_a_failure_of_the_database_has_a_page_with_the_requests_id(rf: object) -> None:
    from billing_portal.views import server_error
    from common.requests import RequestIdMiddleware

    request = rf.get("/o/ada/", headers={"X-Request-Id": "request-4711"})  # type: ignore[attr-defined]
    answer = RequestIdMiddleware(server_error)(request)  # no database is marked for this test: a question would fail
    assert answer.status_code == 500
    assert "request-4711" in answer.content.decode()


# --- Passwords ------------------------------------------------------------------------------------------------------
def test_members_change_their_own_password(owning: Client, owner: User) -> None:
    fields = {"oldpassword": "a good password", "password1": "another good one", "password2": "another good one"}
    wrong = owning.post("/accounts/password/change/", {**fields, "oldpassword": "wrong"})
    assert wrong.status_code == 200
    assert "Error: " in wrong.content.decode()
    done = owning.post("/accounts/password/change/", fields, follow=True)
    assert "Your password is changed." in done.content.decode()
    assert owning.get("/o/ada/").status_code == 200  # this session goes on
    owner.refresh_from_db()
    assert owner.check_password("another good one")


def test_credits_turn_the_pill(owning: Client, tenant: Tenant) -> None:
    before = text(owning, "/o/ada/members/")
    give(tenant.organisation, "12.34")
    after = text(owning, "/o/ada/members/")
    assert 'title="100.000000000 USD"' in before
    assert 'title="112.340000000 USD"' in after
