"""A real Chromium (Debian's). Skipped loudly where there is none, except on CI, where its absence is a failure."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PATIENCE = 30_000  # milliseconds: other tests and servers run beside the browser


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Of this package alone: Playwright's loop runs in this thread, where other tests start loops of their own."""
    found = shutil.which("chromium")
    if found is None:
        message = "Chromium is missing: apt-get install chromium (see system-packages.txt)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    # Django refuses the tests' own queries in a thread with a running loop.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def open_page(chromium: Browser, server: str) -> Iterator[Callable[..., Page]]:
    """A page of the running server in a session of its own; an error on its console fails the test."""
    errors: list[str] = []

    def opened(*, theme: str = "light", width: int = 1280, **options: Any) -> Page:
        context = chromium.new_context(
            base_url=server, color_scheme=theme, viewport={"width": width, "height": 900}, timezone_id="UTC", **options
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        if not options.get("bypass_csp"):  # axe loads the style sheets again, from addresses that don't exist
            page.on("console", lambda m: errors.append(f"{m.location['url']}: {m.text}") if _counts(m) else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        return page

    yield opened
    for context in chromium.contexts:
        context.close()
    assert errors == []


def _counts(message: ConsoleMessage) -> bool:
    # A refused form answers 422, which the browser notes as an error.
    return message.type == "error" and "status of 422" not in message.text


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keep a picture where `PICTURES` names a folder."""

    def keep(page: Page, name: str) -> None:
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)

    return keep
