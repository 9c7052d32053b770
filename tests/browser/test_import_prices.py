"""Finance's page of prices in both themes and on a phone: readable, accessible, and by keyboard."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from organisations.models import User
from tests.browser.test_finance import sign_in, worst

pytestmark = pytest.mark.browser
URL = "/admin/providers/rate/import/"
ASKED = f"{URL}?dearer_than=20&model=openai/gpt-5.4&access_class=advanced&max_output=128000"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_difference_is_readable_and_accessible(
    open_page: Callable[..., Page], finance: User, theme: str, width: int, picture: Callable[[Page, str], None]
) -> None:
    call_command("load_price_book")
    page = open_page(theme=theme, width=width)
    sign_in(page, finance, URL)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    for name, address in {"import": URL, "import-new": ASKED, "rates": "/admin/providers/rate/"}.items():
        page.goto(address)
        picture(page, f"{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address


def test_finance_accepts_and_asks_by_keyboard_and_another_approves(
    open_page: Callable[..., Page], finance: User, superuser: User, picture: Callable[[Page, str], None]
) -> None:
    call_command("load_price_book")
    page = open_page()
    sign_in(page, finance, "/admin/providers/rate/")
    page.get_by_role("link", name="Import prices").focus()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Ask for approval of these 46 changes")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("15 charges rise by more than 20 %, which has to be accepted.")
    picture(page, "import-refused")
    page.get_by_label("I accept that 15 charges rise").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("As announced by the providers")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You asked for this yourself")).to_be_visible()
    picture(page, "import-asked")
    second = open_page()
    sign_in(second, superuser, page.url.removeprefix(page.evaluate("location.origin")))
    second.get_by_role("button", name="Approve and do it").focus()
    second.keyboard.press("Enter")
    expect(second.get_by_text("Applied: 2 aliases, 46 new rates.").first).to_be_visible()
    page.goto(URL)
    expect(page.get_by_text("The book agrees with the list.")).to_be_visible()
    picture(second, "import-applied")
