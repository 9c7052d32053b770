"""The shell in a real browser: every page as each role, by keyboard alone, without JavaScript, on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from organisations.models import User
from organisations.services import add_member, issue_api_key
from tests.browser.test_finance import sign_in, worst
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import one

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
HOME = "/o/northwind/"


@pytest.fixture
def northwind(transactional_db: None) -> Tenant:
    make_model({"input": "10", "output": "20"})
    return make_tenant("northwind", credits="8", billing_zone="Europe/Berlin")


@pytest.fixture
def ada(northwind: Tenant) -> User:
    """Owner of Northwind, and a viewer of two more."""
    user = make_user("owner@northwind.example", member_of=northwind.organisation)
    for slug, sandbox in (("contoso", True), ("fabrikam", False)):
        add_member(organisation=make_tenant(slug, sandbox=sandbox).organisation, user=user, role="viewer")
    return user


def signed_in(open_page: Open, user: User, **options: object) -> Page:
    page = open_page(**options)
    sign_in(page, user, HOME)
    expect(page).to_have_url(f"{page.url.split('/o/')[0]}{HOME}")
    return page


@pytest.mark.parametrize("role", ["owner", "admin", "billing", "developer", "viewer"])
def test_each_role_walks_its_sections(open_page: Open, northwind: Tenant, role: str) -> None:
    page = signed_in(open_page, make_user("a@northwind.example", member_of=northwind.organisation, as_=role))
    nav = page.get_by_role("navigation", name="Sections")
    labels = nav.get_by_role("link").all_inner_texts()
    assert ("API keys" in labels) is (role in ("owner", "admin"))
    for label in [label for label in labels if label != "API reference"]:
        with page.expect_response(lambda answer: answer.request.is_navigation_request()) as answer:
            nav.get_by_role("link", name=label, exact=True).click()
        assert answer.value.status == 200
        expect(nav.get_by_role("link", name=label, exact=True)).to_have_attribute("aria-current", "page")
        expect(page).to_have_title(f"{label} · Northwind · Transparent Billing")
        expect(page.locator("#pill")).to_contain_text("$8.00")
    nav.get_by_role("link", name="API reference").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API reference")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_accessible_in_both_themes_and_on_a_phone(
    open_page: Open, northwind: Tenant, ada: User, theme: str, width: int, picture: Callable[[Page, str], None]
) -> None:
    key = issue_api_key(organisation=northwind.organisation, name="dashboard", scopes=["read"], by=ada).key
    viewer = make_user("viewer@northwind.example", member_of=northwind.organisation, as_="viewer")
    member = one("SELECT id FROM organisations_member WHERE user_id = %s", viewer.pk)[0]
    page = signed_in(open_page, ada, theme=theme, width=width)
    # axe sets styles of its own, which the policy rightly refuses: it gets a session without the policy.
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    addresses = {
        "start": "/",
        "members": f"{HOME}members/",
        "member-add": f"{HOME}members/add/",
        "member": f"{HOME}members/{member}/",
        "member-remove": f"{HOME}members/{member}/remove/",
        "keys": f"{HOME}keys/",
        "key-issue": f"{HOME}keys/issue/",
        "key-revoke": f"{HOME}keys/{key.pk}/revoke/",
        "sandbox": "/o/contoso/members/",
        "password": "/accounts/password/change/",
        "reference": "/api/reference/",
        "problems": "/problems/",
        "problem": "/problems/insufficient_credits",
    }
    for name, address in addresses.items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        picture(page, f"{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address
    judge.goto(f"{HOME}members/")
    judge.locator(".switcher > summary").click()
    assert worst(judge) == []
    picture(judge, f"switcher-{theme}-{width}")
    judge.goto("/o/nobody/")
    assert worst(judge) == []
    picture(judge, f"not-found-{theme}-{width}")


def focused(page: Page) -> str:
    return " ".join(str(page.evaluate("document.activeElement.innerText")).split())[:80]


def press_until(page: Page, key: str, wanted: str) -> None:
    """Press a key until the focus is on something with these words; the focus must be seen at each step."""
    for _ in range(60):
        page.keyboard.press(key)
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none" or page.evaluate("document.activeElement.id") == "main", focused(page)
        if wanted in focused(page):
            return
    raise AssertionError(f"{wanted} can't be reached with {key}")


def test_the_keyboard_alone_switches_the_organisation_and_signs_out(open_page: Open, ada: User) -> None:
    page = signed_in(open_page, ada)
    page.goto(f"{HOME}members/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to content"
    press_until(page, "Tab", "Northwind")
    page.keyboard.press("Enter")
    menu = page.locator(".switcher ul")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert "Northwind" in focused(page)  # back where it was opened
    page.keyboard.press("Enter")
    press_until(page, "Tab", "Contoso")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Overview · Contoso · Transparent Billing")
    press_until(page, "Tab", ada.email)
    page.keyboard.press("Enter")
    press_until(page, "Tab", "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_open_menu_closes_when_the_focus_or_the_pointer_goes_elsewhere(open_page: Open, ada: User) -> None:
    page = signed_in(open_page, ada)
    menu, account = page.locator(".switcher ul"), page.locator(".user > div")
    page.locator(".switcher > summary").click()
    expect(menu).to_be_visible()
    page.get_by_role("heading", level=1).click()
    expect(menu).to_be_hidden()
    page.locator(".user > summary").click()
    press_until(page, "Tab", "Overview")
    expect(account).to_be_hidden()


def test_without_javascript_all_of_it_works(open_page: Open, ada: User) -> None:
    page = signed_in(open_page, ada, java_script_enabled=False)
    page.locator(".switcher > summary").click()
    page.locator(".switcher").get_by_role("link", name="Fabrikam").click()
    expect(page).to_have_title("Overview · Fabrikam · Transparent Billing")
    page.goto(f"{HOME}keys/issue/")
    page.get_by_label("Name").fill("dashboard")
    page.get_by_role("button", name="Issue the key").click()
    expect(page.locator("#secret")).to_contain_text("tb_")
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()  # it would do nothing


def test_on_a_phone_the_balance_stays_in_reach_and_every_section_too(open_page: Open, ada: User) -> None:
    page = signed_in(open_page, ada, width=390)
    page.goto(f"{HOME}keys/issue/")
    page.set_viewport_size({"width": 390, "height": 300})
    page.mouse.wheel(0, 2000)
    expect(page.locator("#pill")).to_be_in_viewport()
    page.keyboard.press("Home")
    last = page.get_by_role("navigation", name="Sections").get_by_role("link").last
    last.focus()
    expect(last).to_be_in_viewport(ratio=0.9)


def test_a_double_click_issues_one_key_and_it_is_copied(open_page: Open, ada: User) -> None:
    page = signed_in(open_page, ada, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{HOME}keys/issue/")
    page.get_by_label("Name").fill("dashboard")
    page.get_by_role("button", name="Issue the key").dblclick()
    expect(page.locator("#secret")).to_be_visible()
    assert one("SELECT count(*) FROM organisations_apikey WHERE name = 'dashboard'") == (1,)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#secret").inner_text()


def test_an_owner_adds_changes_and_removes_a_member(open_page: Open, ada: User) -> None:
    page = signed_in(open_page, ada)
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Members").click()
    page.get_by_role("link", name="Add a member").click()
    page.get_by_label("E-mail").fill("grace@northwind.example")
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Role").select_option("developer")
    page.get_by_role("button", name="Add").click()
    row = page.get_by_role("row", name="Grace Hopper")
    expect(row).to_contain_text("Developer")
    row.get_by_role("link", name="Change Grace Hopper").click()
    page.get_by_label("Role").select_option("billing")
    page.get_by_role("button", name="Change the role").click()
    expect(row).to_contain_text("Billing")
    row.get_by_role("link", name="Change Grace Hopper").click()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("Grace Hopper is no member")
    expect(row).to_have_count(0)
