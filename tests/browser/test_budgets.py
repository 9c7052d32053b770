"""An owner sets an agent's budget and watches it being used: in the browser, by keyboard, in both themes, on a phone;
and finance's pages beside it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from organisations.models import User
from tests import cast
from tests.api import Api
from tests.browser.test_finance import sign_in, worst
from tests.factories import Tenant, make_model
from tests.metering.figures import one, verified
from wallets.services import adjust, claw_back, set_budget

pytestmark = pytest.mark.browser
D = Decimal
PAGE = "/o/ada/budgets/"


@pytest.fixture(autouse=True)
def _model(transactional_db: None) -> None:
    make_model({"input": "0", "output": "20"})


def put(tenant: Tenant, scope: str, target: Any, amount: str, period: str = "month", **fields: Any) -> int:
    wanted = {"alert_percent": 80, **fields}
    return set_budget(
        organisation=tenant.organisation, scope=scope, target=str(target), period=period, amount=D(amount), **wanted
    ).pk


def spend(api: Api, output: int, **fields: Any) -> None:
    api.settle(api.authorise(max_output_tokens=output, **fields).json()["id"], output=output)


def lived_in(tenant: Tenant) -> int:
    """Budgets of each kind in each state; returns one of them."""
    api = Api(tenant)
    put(tenant, "organisation", "", "50")
    put(tenant, "project", tenant.project.pk, "25", hard=False, alert_percent=None)
    agent = put(tenant, "agent", tenant.agent.pk, "10")
    put(tenant, "agent", tenant.agent.pk, "2.5", "day", hard=False)
    put(tenant, "member", "owner@ada.example", "5")
    put(tenant, "key", tenant.key.pk, "400", "total")
    put(tenant, "run", "nightly-2026-11-25-with-a-label-that-is-rather-long-indeed", "2", "total")
    spend(api, 200_000, run="nightly-2026-11-25-with-a-label-that-is-rather-long-indeed", user="owner@ada.example")
    api.authorise(max_output_tokens=150_000)
    return agent


def test_an_owner_sets_a_budget_by_keyboard_and_sees_it_used(
    open_page: Callable[..., Page], server: str, tenant: Tenant, owner: User, picture: Callable[[Page, str], None]
) -> None:
    page, api = open_page(), Api(tenant, server)
    sign_in(page, owner, PAGE)
    expect(page.get_by_text("There is no budget yet.")).to_be_visible()
    picture(page, "budgets-empty")
    page.get_by_role("link", name="Set a budget").focus()
    page.keyboard.press("Enter")
    page.get_by_label("For").focus()
    page.keyboard.type("Main: Agent")
    page.get_by_label("Period").focus()
    page.keyboard.type("a day")
    page.keyboard.press("Tab")
    page.keyboard.type("ten")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Write an amount such as 25.00.")).to_be_visible()
    picture(page, "budget-set-wrong")
    page.get_by_label("Amount").fill("5")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The budget of $5.00 a day is set.")).to_be_visible()
    row = page.get_by_role("row", name="Main: Agent")
    expect(row).to_contain_text("OK")

    spend(api, 205_000)  # 4.10
    api.authorise(max_output_tokens=20_000)  # holds 0.40
    page.reload()
    for figure in ("$5.00", "$4.10", "$0.400", "$0.500", "alert at 80 %", "Near its end"):
        expect(row).to_contain_text(figure)
    assert api.authorise(max_output_tokens=50_000, min_output_tokens=50_000).json()["limiting_scope"] == "agent"
    picture(page, "budgets-used")

    row.get_by_role("link", name="Change").click()
    page.get_by_label("Amount").fill("6")
    page.get_by_role("button", name="Change the budget").click()
    expect(page.get_by_text("The budget is $6.00 a day now.")).to_be_visible()
    assert api.authorise(max_output_tokens=50_000, min_output_tokens=50_000).status_code == 201
    row.get_by_role("link", name="Change").click()
    page.get_by_role("link", name="End …").click()
    picture(page, "budget-end")
    page.get_by_role("button", name="End the budget").click()
    expect(page.get_by_text("There is no budget yet.")).to_be_visible()
    assert one("SELECT ended_at IS NOT NULL FROM wallets_budget") == (True,)
    verified()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_readable_and_accessible(
    open_page: Callable[..., Page], tenant: Tenant, owner: User, theme: str, width: int,
    picture: Callable[[Page, str], None],
) -> None:  # fmt: skip
    agent = lived_in(tenant)
    page = open_page(theme=theme, width=width)
    sign_in(page, owner, PAGE)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    addresses = {"list": PAGE, "set": f"{PAGE}set/", "change": f"{PAGE}{agent}/", "end": f"{PAGE}{agent}/end/"}
    for name, address in addresses.items():
        page.goto(address)
        picture(page, f"budgets-{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_finances_pages_are_readable_and_accessible(
    open_page: Callable[..., Page], tenant: Tenant, finance: User, theme: str, width: int,
    picture: Callable[[Page, str], None],
) -> None:  # fmt: skip
    from tests.analytics.test_expiring import give
    from tests.factories import give as bought

    give(tenant, "20", 10)
    lot = bought(tenant.organisation, "12")
    spend(Api(tenant), 200_000)
    taken = claw_back(lot=lot, cause="dispute", amount=D(3), reason="dp_4711", key="dp_4711")
    made = adjust(organisation=tenant.organisation, amount=D("-1.5"), reason="Wrong rate of May", key="a", by=finance)
    cast.suspend_for_overrun(tenant)
    page = open_page(theme=theme, width=width)
    sign_in(page, finance)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    addresses = {
        "today": "/admin/", "wallet": f"/admin/wallets/wallet/{tenant.id}/change/",
        "adjust": f"/admin/wallets/adjustment/make/{tenant.id}/", "undo": f"/admin/wallets/adjustment/{made.pk}/undo/",
        "take": f"/admin/wallets/clawback/take/{lot.pk}/", "give": f"/admin/wallets/clawback/{taken.pk}/give-back/",
        "clear": f"/admin/wallets/overrunclearance/clear/{tenant.id}/", "adjustments": "/admin/wallets/adjustment/",
        "claw-backs": "/admin/wallets/clawback/", "credits": f"/admin/wallets/wallet/{tenant.id}/give-credits/",
        "grants": f"/admin/wallets/grant/?organisation={tenant.id}",
    }  # fmt: skip
    for name, address in addresses.items():
        page.goto(address)
        picture(page, f"finance-{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address
