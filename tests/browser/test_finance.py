"""Finance helps an organisation that stopped at zero: found, opened, credited, and its agents go on."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from organisations.models import User
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import verified, wallet

pytestmark = pytest.mark.browser
D = Decimal
PASSWORD = "a good password"


@pytest.fixture
def stopped(transactional_db: None) -> Tenant:
    make_model({"input": "10", "output": "20"})
    return make_tenant("fabrikam")


def sign_in(page: Page, user: User, then: str = "/admin/") -> None:
    page.goto(f"/accounts/login/?next={then}")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_finance_finds_the_stopped_organisation_and_its_agents_go_on(
    open_page: Callable[..., Page], server: str, stopped: Tenant, finance: User, picture: Callable[[Page, str], None]
) -> None:
    agent = Api(stopped, server)
    assert agent.authorise(input_tokens=100).status_code == 402

    page = open_page()
    sign_in(page, finance)
    expect(page.get_by_text("Fabrikam has nothing available")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Wallets").click()
    page.get_by_role("searchbox").or_(page.get_by_label("Search")).first.fill("fabri")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Fabrikam").click()
    page.get_by_role("link", name="Give credits").click()
    page.get_by_label("Amount").fill("25")
    page.get_by_label("Reason").fill("Wire of 24 November, reference 4711")
    picture(page, "give")
    page.get_by_role("button", name="Give").click()
    expect(page.locator("main")).to_contain_text("Wire of 24 November, reference 4711")
    assert wallet(stopped.id) == (D(25), D(0))

    call = agent.authorise(input_tokens=100)
    assert call.status_code == 201
    agent.settle(call.json()["id"], input=90, output=10)
    page.reload()
    page.get_by_role("link", name="Receipt", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("0.001100000")
    verified()


def test_above_the_limit_the_form_says_that_it_only_asks(
    open_page: Callable[..., Page], stopped: Tenant, finance: User
) -> None:
    page = open_page()
    sign_in(page, finance, f"/admin/wallets/wallet/{stopped.id}/give-credits/")
    expect(page.get_by_text("a second person has to approve it")).to_be_visible()
    page.get_by_label("Amount").fill("100.00")
    expect(page.get_by_role("button", name="Give credits")).to_be_visible()
    page.get_by_label("Amount").fill("100.01")
    page.get_by_label("Reason").fill("too much for one")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("You asked for this yourself")).to_be_visible()
    assert wallet(stopped.id) == (D(0), D(0))


def test_a_member_sees_the_banner_and_the_keyboard_is_enough_to_sign_in(
    open_page: Callable[..., Page], stopped: Tenant
) -> None:
    owner = make_user("owner@fabrikam.example", member_of=stopped.organisation)
    page = open_page(width=390)
    page.goto("/")
    page.get_by_label("E-mail").focus()
    page.keyboard.type(owner.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".banner")).to_be_visible()
    expect(page.locator("body")).to_contain_text("Fabrikam")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_accessible_in_both_themes_and_on_a_phone(
    open_page: Callable[..., Page],
    server: str,
    finance: User,
    theme: str,
    width: int,
    picture: Callable[[Page, str], None],
) -> None:
    make_model({"input": "10", "output": "20"})
    tenant = make_tenant("fabrikam", credits="25")
    agent = Api(tenant, server)
    hold = agent.authorise(input_tokens=100).json()["id"]
    agent.settle(hold, input=90, output=10)
    page = open_page(theme=theme, width=width)
    page.goto("/accounts/login/")
    picture(page, f"sign-in-{theme}-{width}")
    door = open_page(theme=theme, width=width, bypass_csp=True)
    door.goto("/accounts/login/")
    assert worst(door) == []
    sign_in(page, finance)
    addresses = {
        "today": "/admin/",
        "organisations": "/admin/organisations/organisation/",
        "organisation": f"/admin/organisations/organisation/{tenant.id}/change/",
        "ledger": f"/admin/wallets/wallet/{tenant.id}/change/",
        "receipt": f"/admin/metering/usagerecord/receipt/{hold}/",
        "problems": "/problems/",
    }
    # axe sets styles of its own, which the policy rightly refuses: it gets a session without the policy.
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    for name, address in addresses.items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        picture(page, f"{name}-{theme}-{width}")
        # Wide tables scroll in their own box; the page itself never does.
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address


def worst(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]
