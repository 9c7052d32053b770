"""The live page in a browser: agents at work until zero and on again, a cut line, a pause, no JavaScript, axe."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from playwright.sync_api import Page, expect

from analytics import simulation
from billing_portal.demo import PASSWORD
from organisations.models import Organisation, User
from tests.api import Api
from tests.browser.test_finance import sign_in, worst
from tests.factories import Tenant, give, make_model, make_tenant, make_user
from tests.local.test_simulation import Agents, agents, sandbox, told
from tests.metering.figures import one, verified, wallet
from wallets.services import start_over

__all__ = ["agents", "sandbox", "told"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
D = Decimal
LONG = 90_000  # milliseconds: two cores carry servers, agents and a browser


def enter(page: Page, email: str, then: str) -> None:
    """Sign a person of the demo in; the demo was loaded with quick passwords that the server doesn't take."""
    hasher = Argon2PasswordHasher()
    User.objects.filter(email=email).update(password=hasher.encode(PASSWORD, hasher.salt()))
    page.goto(f"/accounts/login/?next={then}")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def balance_on(page: Page) -> Decimal:
    title = page.locator(".hero .money").get_attribute("title")
    assert title is not None
    return D(title.split()[0])


def wait_for_balance(page: Page, organisation_id: int) -> None:
    """The page comes to show what the database says."""
    [expected] = one("SELECT balance FROM wallets_wallet WHERE organisation_id = %s", organisation_id)
    expect(page.locator(".hero .money")).to_have_attribute("title", f"{expected:.9f} USD", timeout=LONG)


def test_agents_work_to_zero_and_go_on_when_finance_gives_credits(
    open_page: Callable[..., Page], agents: Agents, sandbox: Organisation, picture: Callable[[Page, str], None]
) -> None:
    start_over(organisation=sandbox, amount=D(2), reason="a small wallet", key="small")
    page = open_page()
    enter(page, "owner@northwind.example", "/o/simulation/live/")
    expect(page.get_by_role("button", name="60×")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live", timeout=LONG)

    expect(page.locator(".feed")).to_contain_text("Settled", timeout=LONG)
    assert balance_on(page) < 2
    picture(page, "live-running")
    expect(page.locator(".banner")).to_contain_text("Stopped at zero since", timeout=4 * LONG)
    expect(page.locator(".banner .btn")).to_have_count(1)
    picture(page, "live-stopped")
    assert 0 <= wallet(sandbox.pk)[0] < D("0.01")

    desk = open_page()
    enter(desk, "finance@demo.example", f"/admin/wallets/wallet/{sandbox.pk}/give-credits/")
    desk.get_by_label("Amount").fill("50")
    desk.get_by_label("Reason").fill("More for the agents")
    desk.get_by_role("button", name="Give").click()
    expect(desk.locator("main")).to_contain_text("More for the agents")

    # Nobody touches the page: it clears by itself, and the agents go on.
    expect(page.locator(".banner")).to_have_count(0, timeout=LONG)
    expect(page.locator(".feed")).to_contain_text(re.compile("Settled|Held"), timeout=LONG)
    [before] = one("SELECT count(*) FROM metering_usagerecord")
    page.wait_for_function("() => document.querySelectorAll('.feed a').length > 2", timeout=LONG)
    page.get_by_role("button", name="Pause", exact=True).click()
    wait_until_quiet()
    assert one("SELECT count(*) FROM metering_usagerecord")[0] >= before
    wait_for_balance(page, sandbox.pk)
    page.locator(".feed a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Receipt")
    expect(page.locator("main")).to_contain_text("Recomputed: agrees")
    expect(page.locator("#browser")).to_contain_text("same cost")

    page.goto("/o/simulation/live/")
    page.get_by_role("button", name=re.compile("Reset to")).click()
    expect(page.locator(".hero")).to_contain_text("$200.00", timeout=LONG)
    verified()


def wait_until_quiet() -> None:
    """Paused agents finish what runs."""
    deadline = time.monotonic() + 60
    while one("SELECT count(*) FROM wallets_hold WHERE state = 'open'")[0]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def line(server: str) -> Iterator["Line"]:
    made = Line(int(server.rpartition(":")[2]))
    yield made
    made.close()


class Line:
    """A line between browser and server that can be cut: connections that stand break, new ones are refused."""

    def __init__(self, port: int) -> None:
        self._to, self.cut, self._pairs = port, False, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def break_off(self) -> None:
        self.cut = True
        for near, far in self._pairs:
            for end in (near, far):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs = []

    def close(self) -> None:
        self._listener.close()
        self.break_off()


def spend(tenant: Tenant, server: str, tokens: int) -> None:
    agent = Api(tenant, server)
    hold = agent.authorise(input_tokens=tokens, max_output_tokens=1).json()["id"]
    assert agent.settle(hold, input=tokens).status_code == 200


def test_a_cut_line_is_said_and_mends_itself_with_right_figures(
    chromium: Any, line: Line, server: str, tenant: Tenant, owner: User
) -> None:
    make_model({"input": "10", "output": "20"})
    context = chromium.new_context(base_url=line.base)
    page = context.new_page()
    page.goto("/accounts/login/?next=/o/ada/live/")
    page.get_by_label("E-mail").fill(owner.email)
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Sign in").click()
    state = page.locator("#freshness")
    expect(state).to_have_attribute("data-state", "live", timeout=LONG)
    line.break_off()
    expect(state).to_contain_text("Reconnecting", timeout=LONG)
    spend(tenant, server, 1_000_000)  # $10.00 while nobody is told
    expect(state).to_contain_text(re.compile(r"\d+ s old"), timeout=LONG)
    assert balance_on(page) == 100
    line.cut = False
    expect(state).to_have_attribute("data-state", "live", timeout=LONG)
    wait_for_balance(page, tenant.id)
    assert balance_on(page) == 90
    expect(page.locator("#pill")).to_contain_text("$90.00")
    context.close()


def test_updates_can_be_paused_and_resumed(
    open_page: Callable[..., Page], server: str, tenant: Tenant, owner: User
) -> None:
    make_model({"input": "10", "output": "20"})
    page = open_page()
    sign_in(page, owner, "/o/ada/live/")
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live", timeout=LONG)
    page.get_by_role("button", name="Pause updates").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#freshness")).to_contain_text("Paused")
    spend(tenant, server, 1_000_000)
    page.wait_for_timeout(3_000)
    assert balance_on(page) == 100
    page.keyboard.press("Enter")
    wait_for_balance(page, tenant.id)
    expect(page.get_by_role("button", name="Pause updates")).to_have_attribute("aria-pressed", "false")


def test_nothing_moves_under_the_focus(
    open_page: Callable[..., Page], server: str, tenant: Tenant, owner: User
) -> None:
    make_model({"input": "10", "output": "20"})
    spend(tenant, server, 1_000)
    page = open_page()
    sign_in(page, owner, "/o/ada/live/")
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live", timeout=LONG)
    link = page.locator(".feed a").first
    link.focus()
    address = link.get_attribute("href")
    spend(tenant, server, 1_000_000)
    wait_for_balance(page, tenant.id)  # the rest of the page goes on
    assert page.evaluate("document.activeElement.getAttribute('href')") == address
    page.get_by_role("button", name="Pause updates").focus()
    expect(page.locator(".feed a")).to_have_count(2)


def test_without_javascript_the_page_is_complete(
    open_page: Callable[..., Page], server: str, tenant: Tenant, owner: User
) -> None:
    make_model({"input": "10", "output": "20"})
    spend(tenant, server, 100_000)
    page = open_page(java_script_enabled=False)
    sign_in(page, owner, "/o/ada/live/")
    expect(page.locator(".hero")).to_contain_text("$99.00")
    expect(page.locator(".feed")).to_contain_text("Settled")
    expect(page.get_by_role("button", name="Pause updates")).to_be_hidden()
    spend(tenant, server, 100_000)
    page.get_by_role("link", name="Read the figures again").click()
    expect(page.locator(".hero")).to_contain_text("$98.00")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_live_overview_and_receipt_are_accessible(
    open_page: Callable[..., Page], server: str, tenant: Tenant, owner: User, theme: str, width: int, picture: Any
) -> None:
    make_model({"input": "10", "output": "20"})
    for _ in range(3):
        spend(tenant, server, 50_000)
    Api(tenant, server).authorise(input_tokens=1000, max_output_tokens=1000)
    give(tenant.organisation, "7")
    [hold] = one("SELECT hold_id FROM metering_usagerecord LIMIT 1")
    page = open_page(theme=theme, width=width)
    sign_in(page, owner, "/o/ada/live/")
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live", timeout=LONG)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    for name, address in (("live", "live/"), ("overview", ""), ("receipt", f"receipts/{hold}")):
        page.goto(f"/o/ada/{address}")
        page.wait_for_timeout(500)
        picture(page, f"{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        judge.goto(f"/o/ada/{address}")
        assert worst(judge) == [], name


def test_a_stopped_organisation_has_one_button_in_its_banner(
    open_page: Callable[..., Page], transactional_db: None, picture: Any
) -> None:
    empty = make_tenant("empty")
    reader = make_user("r@empty.example", member_of=empty.organisation, as_="viewer")
    for theme, width in (("light", 1280), ("dark", 390)):
        page = open_page(theme=theme, width=width)
        sign_in(page, reader, "/o/empty/live/")
        expect(page.locator(".banner")).to_contain_text("Stopped: there were no credits yet")
        expect(page.locator(".banner a, .banner button")).to_have_count(1)
        picture(page, f"stopped-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert simulation.is_simulated(empty.organisation) is False
