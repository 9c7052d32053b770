"""Finance A asks for $500, finance B approves, the wallet shows it: in the browser, in both themes, on a phone."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from organisations.models import User
from tests.browser.test_finance import sign_in, worst
from tests.cast import ask_for_credits
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import verified, wallet
from tests.providers.imports import listed_model

pytestmark = pytest.mark.browser
D = Decimal
APPROVALS = "/admin/organisations/approval/"


@pytest.fixture
def second(transactional_db: None) -> User:
    return make_user("b.finance@platform.example", "finance")


def test_one_asks_another_approves_and_the_wallet_shows_it(
    open_page: Callable[..., Page], finance: User, second: User, picture: Callable[[Page, str], None]
) -> None:
    tenant = make_tenant("fabrikam")
    asking = open_page()
    sign_in(asking, finance, f"/admin/wallets/wallet/{tenant.id}/give-credits/")
    asking.get_by_label("Amount").fill("500")
    asking.get_by_label("Reason").fill("Wire of 24 November, reference 4711")
    picture(asking, "four-eyes-form")
    asking.get_by_role("button", name="Ask for approval").click()
    expect(asking.get_by_text("Asked for approval: nothing is done")).to_be_visible()
    expect(asking.get_by_role("button", name="Approve")).to_have_count(0)
    picture(asking, "four-eyes-own")
    assert wallet(tenant.id) == (D(0), D(0))

    deciding = open_page()
    sign_in(deciding, second)
    expect(deciding.get_by_text("Give $500.00 of paid credits: Fabrikam")).to_be_visible()
    picture(deciding, "four-eyes-today")
    deciding.get_by_role("navigation", name="Sections").get_by_role("link", name="Approvals").click()
    deciding.get_by_role("link", name="Give $500.00 of paid credits").click()
    deciding.get_by_label("Reason").focus()
    deciding.keyboard.press("Tab")
    deciding.keyboard.press("Enter")
    expect(deciding.get_by_text("Approved and done.")).to_be_visible()
    picture(deciding, "four-eyes-done")
    deciding.get_by_role("link", name="wallet and ledger").click()
    expect(deciding.locator("#ledger")).to_contain_text("+$500.000000000")
    expect(deciding.locator("main")).to_contain_text("Wire of 24 November, reference 4711")
    assert wallet(tenant.id) == (D(500), D(0))
    verified()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_its_pages_are_readable_and_accessible(
    open_page: Callable[..., Page], tenant: Tenant, finance: User, theme: str, width: int,
    picture: Callable[[Page, str], None],
) -> None:  # fmt: skip
    waits = ask_for_credits(tenant)
    own = ask_for_credits(tenant, "2500", by=finance)
    listed_model({"input": "5", "output": "25"})
    page = open_page(theme=theme, width=width)
    sign_in(page, finance)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    addresses = {
        "today": "/admin/", "list": APPROVALS, "waits": f"{APPROVALS}{waits.pk}/change/",
        "own": f"{APPROVALS}{own.pk}/change/", "give": f"/admin/wallets/wallet/{tenant.id}/give-credits/",
        "rate": "/admin/providers/rate/enter/",
    }  # fmt: skip
    for name, address in addresses.items():
        page.goto(address)
        picture(page, f"four-eyes-{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address
    page.goto(addresses["waits"])
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("Say why")).to_be_visible()
    picture(page, f"four-eyes-refusing-{theme}-{width}")
