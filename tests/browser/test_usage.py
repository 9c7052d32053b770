"""The usage page in a browser: read, narrowed down, drilled to a receipt; in both themes, on a phone, by keyboard."""

import csv
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from playwright.sync_api import Page, expect

from common.clock import billing_now
from organisations.models import User
from organisations.services import create_agent, create_project
from tests.api import Api
from tests.booked import Booked, book
from tests.browser.test_finance import sign_in, worst
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import one

pytestmark = pytest.mark.browser
D = Decimal
URL = "/o/northwind/usage/"
MODELS = {
    "claude-opus-4-6": ("anthropic", 55), "gemini-2.5-pro": ("google", 30), "claude-haiku-4-5": ("anthropic", 9),
    "gpt-5.4": ("openai", 5), "gpt-5.4-mini": ("openai", 3), "gemini-2.5-flash": ("google", 2),
    "o4-mini": ("openai", 1), "claude-sonnet-4-6": ("anthropic", 1),
}  # fmt: skip
PEOPLE = ("ada@northwind.example", "ben@northwind.example", "nightly batch", "")


@pytest.fixture
def northwind(transactional_db: None) -> tuple[Tenant, User]:
    tenant = make_tenant("northwind", credits="200", billing_zone="Europe/Berlin")
    owner = make_user("ada@northwind.example", member_of=tenant.organisation)
    User.objects.filter(pk=owner.pk).update(name="Ada Lovelace")
    project = create_project(organisation=tenant.organisation, name="Checkout bot", slug="checkout-bot")
    agents = [
        tenant.agent,
        *(create_agent(project=project, name=name, slug=name.lower()) for name in ("Sophi", "Marv")),
    ]
    book(tenant, list(history(agents)))
    return tenant, owner


def history(agents: list) -> list[Booked]:
    """Seventy days, weekends quieter; some of it estimated, absorbed, failed, flagged."""
    random, now = Random(11), billing_now()
    models = {make_model({"input": "3", "output": "15"}, name=name, provider=p): w for name, (p, w) in MODELS.items()}
    found = []
    for ago in range(1, 70):
        day = now - timedelta(days=ago)
        for _ in range(6 if day.weekday() > 4 else 18):
            model = random.choices(list(models), list(models.values()))[0]
            tokens = {
                "input": random.randrange(2_000, 40_000),
                "cache_read": random.randrange(0, 20_000),
                "output": 900,
            }
            found.append(Booked(
                day + timedelta(seconds=random.randrange(-20_000, 20_000)), model, leaves=tokens,
                charge=D(random.randrange(10**7, 4 * 10**8)) / 10**9, agent=random.choice(agents),
                user=random.choice(PEOPLE), estimated=random.random() < 0.02,
                absorbed=D("0.01") if random.random() < 0.01 else D(0),
                status="failed" if random.random() < 0.02 else "completed",
                flags=("web_search has no price; not charged.",) if random.random() < 0.02 else (),
            ))  # fmt: skip
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_usage_is_readable_and_accessible(
    open_page: Callable[..., Page], northwind: tuple[Tenant, User], theme: str, width: int,
    picture: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page = open_page(theme=theme, width=width)
    sign_in(page, northwind[1], URL)
    judge = open_page(theme=theme, width=width, bypass_csp=True, storage_state=page.context.storage_state())
    addresses = {
        "usage": URL,
        "usage-agents": f"{URL}?by=agent&provider=anthropic&member=ada@northwind.example",
        "usage-days": f"{URL}?range=7d&by=day",
        "usage-year": f"{URL}?from={billing_now() - timedelta(days=399):%Y-%m-%d}",
        "usage-wrong": f"{URL}?from=2026-11-30&to=2026-11-01&agent=marv",
        "usage-none": f"{URL}?agent=nobody",
        "usage-requests": f"{URL}requests?range=7d",
    }
    for name, address in addresses.items():
        page.goto(address)
        if name == "usage-days":
            page.get_by_text("Show as table").click()
        picture(page, f"{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        judge.goto(address)
        assert worst(judge) == [], address


def test_from_a_day_down_to_a_receipt_by_keyboard(
    open_page: Callable[..., Page], server: str, northwind: tuple[Tenant, User]
) -> None:
    tenant, owner = northwind
    api = Api(tenant, server)
    make_model({"input": "10", "output": "20"}, name="model")
    hold = api.authorise(input_tokens=41_000).json()["id"]
    assert api.settle(hold, input=41_000).status_code == 200
    page = open_page()
    sign_in(page, owner, URL)

    def press(name: str) -> None:
        page.get_by_role("link", name=name, exact=True).first.focus()
        page.keyboard.press("Enter")

    press("day")
    expect(page.get_by_role("table", name="By day")).to_be_visible()
    today = page.locator("table.compared tbody tr").first
    today.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".strip")).to_contain_text("$0.410")
    press("Requests")
    expect(page.get_by_text("1 request, $0.410 charged")).to_be_visible()
    page.locator("table.requests tbody a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(hold)


def test_the_form_narrows_down_and_chips_widen_again(
    open_page: Callable[..., Page], northwind: tuple[Tenant, User]
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, northwind[1], URL)
    page.get_by_text("Dates and filters").click()
    page.get_by_label("Agent", exact=True).select_option("Sophi")
    page.get_by_label("Member", exact=True).select_option("Ada Lovelace")
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.url.endswith(f"{URL}?agent=sophi&member=ada%40northwind.example")
    charged = "SELECT count(*) FROM metering_usagerecord u JOIN organisations_agent a ON a.id = u.agent_id WHERE"
    charged += " a.slug = 'sophi' AND local_day > (SELECT billing_day(billing_now(), 'Europe/Berlin')) - 30"
    narrow = one(f"{charged} AND u.user = 'ada@northwind.example'")[0]
    expect(page.locator(".fig", has_text="Requests")).to_contain_text(f"Requests{narrow}")
    page.get_by_role("link", name="member: Ada Lovelace").click()
    expect(page.locator(".fig", has_text="Requests")).to_contain_text(f"Requests{one(charged)[0]}")
    page.get_by_role("link", name="Reset").click()
    assert page.url.endswith("?")


def test_pages_of_requests_go_down_and_up_and_the_file_holds_them_all(
    open_page: Callable[..., Page], northwind: tuple[Tenant, User]
) -> None:
    page = open_page()
    sign_in(page, northwind[1], f"{URL}requests")
    seen: list[str] = []
    receipts = page.locator("table.requests tbody th a")
    while True:
        seen += [link.get_attribute("href") or "" for link in receipts.all()]
        if not page.get_by_role("link", name="Older").count():
            break
        page.get_by_role("link", name="Older").last.click()
    assert len(seen) == len(set(seen)) == one(
        "SELECT count(*) FROM metering_usagerecord"
        " WHERE local_day > (SELECT billing_day(billing_now(), 'Europe/Berlin')) - 30"
    )[0]  # fmt: skip
    while page.get_by_role("link", name="Newer").count():
        page.get_by_role("link", name="Newer").last.click()
    assert [link.get_attribute("href") for link in receipts.all()] == seen[:50]
    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()
    with started.value.path().open() as file:
        rows = list(csv.DictReader(file))
    assert [f"/o/northwind/receipts/{row['receipt']}" for row in rows] == seen[::-1]
