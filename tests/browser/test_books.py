"""What finance sees of the books: agreeing, differing, and a balance explained; light and dark, wide and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from organisations.models import User
from tests import database
from tests.api import Api
from tests.browser.test_finance import sign_in, worst
from tests.factories import Tenant, give, make_model, make_tenant
from wallets.models import VerificationRun
from wallets.verification import verify

pytestmark = pytest.mark.browser
HOT = VerificationRun.Scope.HOT


@pytest.fixture
def used(transactional_db: None, server: str) -> Tenant:
    make_model({"input": "10", "output": "20"})
    tenant = make_tenant("fabrikam", credits="25")
    give(tenant.organisation, "5", "promotional")
    agent = Api(tenant, server)
    agent.settle(agent.authorise(input_tokens=100).json()["id"], input=90, output=10)
    agent.authorise(input_tokens=100)
    return tenant


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_books_and_a_balance_are_explained_to_everybody(
    open_page: Callable[..., Page], used: Tenant, finance: User, theme: str, width: int,
    picture: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page = open_page(theme=theme, width=width)
    sign_in(page, finance)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())

    def looked_at(name: str) -> None:
        picture(page, f"books-{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        judge.goto(page.url)
        assert worst(judge) == [], name

    verify()
    verify(HOT)
    page.goto("/admin/")
    expect(page.get_by_text("invariants held at")).to_have_count(2)
    looked_at("agree")

    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE wallets_wallet SET balance = balance + 1")
    verify(HOT)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The books don't agree.")
    looked_at("differ")
    page.get_by_role("link", name="See what is wrong").click()
    expect(page.locator("main")).to_contain_text("A wallet's balance is what remains of its lots.")
    expect(page.locator("main")).to_contain_text("balance 30.998900000, by_grants 29.998900000")
    looked_at("run")
    page.goto("/admin/wallets/verificationrun/")
    looked_at("runs")

    page.goto(f"/admin/wallets/wallet/{used.id}/change/")
    page.get_by_role("link", name="Explain").click()
    expect(page.get_by_text("agree.")).to_be_visible()
    looked_at("explained")
    page.get_by_label("Time, in UTC").fill("2999-01-01T00:00Z")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("still to come")).to_be_visible()
    looked_at("refused")
