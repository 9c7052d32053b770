"""Every page that the access matrix opens to somebody, in a browser: title, one heading, a quiet console, axe, no
sideways scroll. A new route is walked as soon as it has its row there."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from tests.access_matrix import ACCOUNTS, ADMIN, PAGES, Row, outcomes
from tests.test_access import world

__all__ = ["world"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
NO_PAGES = {"livez", "readyz", "o/<slug:slug>/live/stream", "o/<slug:slug>/usage.csv", "admin/jsi18n/"}
ROWS: dict[str, Row] = {**PAGES, **ACCOUNTS, **ADMIN}


def opened_to(caller: str) -> dict[str, Row]:
    return {
        route: row for route, row in ROWS.items() if outcomes(row.get)[caller] == "ok" and route not in NO_PAGES
    }  # fmt: skip


@pytest.fixture
def seat(chromium: Browser, server: str, world: SimpleNamespace) -> Iterator[Any]:
    """A browser session of one of the cast."""
    made: list[BrowserContext] = []

    def session(caller: str, **options: Any) -> Page:
        context = chromium.new_context(base_url=server, timezone_id="UTC", **options)
        made.append(context)
        if caller in world.people:
            client = Client()
            client.force_login(world.people[caller])
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server}])
        return context.new_page()

    yield session
    for context in made:
        context.close()


@pytest.mark.parametrize(
    "caller", ["anonymous", "owner", "admin", "billing", "developer", "viewer", "finance", "support"]
)
def test_every_page_opens_with_a_title_a_heading_and_a_quiet_console(
    seat: Any, world: SimpleNamespace, caller: str
) -> None:
    page, wrong = seat(caller), []
    page.on("console", lambda m: wrong.append(f"{page.url}: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda e: wrong.append(f"{page.url}: {e}"))
    routes = opened_to(caller)
    for route, row in routes.items():
        answer = page.goto("/" + row.path.format(**world.things), wait_until="load")
        assert answer is not None
        if answer.status != 200 or answer.request.redirected_from:
            wrong.append(f"{route}: {answer.status}, {page.url}")
        if not page.title().removesuffix("Transparent Billing").strip(" ·"):
            wrong.append(f"{route}: no title of its own")
        if page.locator("h1").count() != 1:
            wrong.append(f"{route}: {page.locator('h1').count()} headings of the first level")
    assert wrong == []
    assert len(routes) >= 5


@pytest.mark.parametrize(("caller", "theme", "width"), [
    ("owner", "light", 390), ("owner", "dark", 1280), ("superuser", "light", 1280), ("superuser", "dark", 390),
    ("anonymous", "dark", 390),
])  # fmt: skip
def test_every_page_is_accessible_and_never_scrolls_sideways(
    seat: Any, world: SimpleNamespace, caller: str, theme: str, width: int
) -> None:
    # axe sets styles of its own, which the policy rightly refuses.
    page = seat(caller, color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True)
    wrong = []
    for route, row in opened_to(caller).items():
        page.goto("/" + row.path.format(**world.things), wait_until="load")
        for found in Axe().run(page).response["violations"]:
            if found["impact"] in ("serious", "critical"):
                wrong.append(f"{route}: {found['id']}: {found['nodes'][0]['html'][:150]}")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wrong.append(f"{route}: wider than {width}")
    assert wrong == []


MOST_TABS = 60
REACHABLE = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
    && e.getClientRects().length && !(e.type === "radio" && !e.checked))
  .map((e, n) => { e.dataset.walked = n; return n; }).length"""
FOCUSED = """() => { const e = document.activeElement, s = getComputedStyle(e);
  const seen = ["date", "datetime-local"].includes(e.type) // the browser marks the part of it that is edited
    || e.matches(":focus-visible") && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
  return [e.dataset.walked ?? "", seen, e.outerHTML.slice(0, 120)]; }"""


@pytest.mark.parametrize("caller", ["anonymous", "owner", "superuser"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(seat: Any, world: SimpleNamespace, caller: str) -> None:
    page, wrong = seat(caller), []
    for route, row in opened_to(caller).items():
        page.goto("/" + row.path.format(**world.things), wait_until="load")
        page.evaluate("document.getElementById('pause')?.click()")  # else a stream exchanges what was just counted
        page.evaluate("document.activeElement.blur()")
        number, reached = page.evaluate(REACHABLE), set()
        for _ in range(2 * min(number, MOST_TABS) + 8):  # a field for a date has several stops
            if len(reached - {""}) >= min(number, MOST_TABS):
                break
            page.keyboard.press("Tab")
            place, seen, html = page.evaluate(FOCUSED)
            reached.add(place)
            if place and not seen:
                wrong.append(f"{route}: no visible focus on {html}")
        if len(reached - {""}) < min(number, MOST_TABS):
            wrong.append(f"{route}: {len(reached - {''})} of {number} reached")
    assert wrong == []
