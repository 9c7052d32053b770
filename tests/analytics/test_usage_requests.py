"""Requests one by one: every row once, in order, whatever happens in between; a page reads no long history."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from django.test import Client

from analytics.usage import requests as module
from analytics.usage.place import Place, WrongPlace, read_place
from organisations.models import User
from organisations.services import create_agent
from tests.analytics.usage_pages import reader, text
from tests.api import Api
from tests.booked import Booked, book
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import rows_of

URL = "/o/ada/usage/requests"
SPAN = {"from": "2026-03-01", "to": "2026-03-31"}
IN_ORDER = (
    "SELECT hold_id, revision FROM metering_usagerecord u JOIN organisations_agent a ON a.id = u.agent_id"
    " WHERE {} ORDER BY local_day DESC, posted_at DESC, u.id DESC"
)


@pytest.fixture
def march(tenant: Tenant) -> Tenant:
    """230 requests of March, several of the same moment, 30 of them Sophi's; four were corrected."""
    random, model = Random(5), make_model({"input": "1"})
    sophi = create_agent(project=tenant.project, name="Sophi", slug="sophi")
    moments = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=random.randrange(28 * 24)) for _ in range(230)]
    records = [Booked(at, model, agent=sophi if n < 30 else None) for n, at in enumerate(moments)]
    records += [
        Booked(b.at + timedelta(hours=1), model, agent=b.agent, revision=1, hold=b.hold) for b in records[28:32]
    ]
    book(tenant, records)
    return tenant


@pytest.fixture
def client(march: Tenant, client_for: Callable[[User | None], Client]) -> Client:
    return reader(march, client_for)


def receipts(html: str) -> list[tuple[UUID, int]]:
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>", html, re.S)
    return [(UUID(re.findall(r"receipts/([0-9a-f-]{36})", row)[0]), int("Revised" in row)) for row in rows]


def walk(client: Client, way: str, start: str) -> list[list[tuple[UUID, int]]]:
    """The pages from an address on, along links named "Older" or "Newer"."""
    pages, address = [], start
    while address:
        html = client.get(address).content.decode()
        pages.append(receipts(html))
        found = re.search(rf'<a class="btn" href="([^"]+)"[^>]*>{way}</a>', html)
        address = URL + found[1].replace("&amp;", "&") if found else ""
        last = html
    walk.last = last  # type: ignore[attr-defined]
    return pages


@pytest.mark.parametrize(("query", "where"), [("", "true"), ("&agent=sophi", "a.slug = 'sophi'")])
def test_all_pages_together_are_all_rows_in_order(client: Client, query: str, where: str) -> None:
    expected = rows_of(IN_ORDER.format(where))
    pages = walk(client, "Older", f"{URL}?from=2026-03-01&to=2026-03-31{query}")
    assert [row for page in pages for row in page] == expected
    assert all(len(page) == 50 for page in pages[:-1])


def test_the_way_back_gives_the_same_pages(client: Client) -> None:
    down = walk(client, "Older", f"{URL}?from=2026-03-01&to=2026-03-31")
    [back] = re.findall(r'<a class="btn" href="([^"]+)"[^>]*>Newer</a>', walk.last)  # type: ignore[attr-defined]
    up = walk(client, "Newer", URL + back.replace("&amp;", "&"))
    assert [row for page in up[::-1] for row in page] == [row for page in down[:-1] for row in page]


def test_a_call_that_is_settled_meanwhile_shifts_no_page(client: Client, march: Tenant) -> None:
    first = client.get(URL, SPAN).content.decode()
    older = re.findall(r'<a class="btn" href="([^"]+)"[^>]*>Older</a>', first)[0].replace("&amp;", "&")
    second = receipts(client.get(URL + older).content.decode())
    book(march, [Booked(datetime(2026, 3, 31, 23, tzinfo=UTC), make_model({"input": "1"}, name="new"))])
    assert receipts(client.get(URL + older).content.decode()) == second
    assert len(receipts(client.get(URL, SPAN).content.decode())) == 50


def test_a_page_ends_early_rather_than_read_too_much(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_READ", 20)
    pages = walk(client, "Older", f"{URL}?from=2026-03-01&to=2026-03-31&agent=sophi")
    assert [row for page in pages for row in page] == rows_of(IN_ORDER.format("a.slug = 'sophi'"))
    assert max(len(page) for page in pages) < 20
    assert len(pages) > 5


def test_others_requests_are_on_no_page(client: Client, march: Tenant) -> None:
    ben = make_tenant("ben")
    theirs = Booked(datetime(2026, 3, 15, tzinfo=UTC), make_model({"input": "1"}, name="bens"))
    book(ben, [theirs])
    seen = {hold for page in walk(client, "Older", f"{URL}?from=2026-03-01&to=2026-03-31") for hold, _ in page}
    assert theirs.hold not in seen
    assert len(seen) == 230


PLACE = Place(date(2026, 3, 5), datetime(2026, 3, 5, 12, 0, 0, 123456, tzinfo=UTC), UUID(int=0x7F << 120))


def test_a_place_is_read_as_it_was_written() -> None:
    assert read_place(str(PLACE)) == PLACE


@pytest.mark.parametrize(
    "text",
    ["x", "20260305", "20261305-1-" + "0" * 32, "20260305-1-" + "g" * 32, "20260305-999999999999999999-" + "0" * 32,
     "20260305--1-" + "0" * 32, "２０２６0305-1-" + "0" * 32, str(PLACE) + " ", str(PLACE) + "\n",
     "00000000-0-" + "0" * 32],
)  # fmt: skip
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(WrongPlace):
        read_place(text)


def test_an_address_that_names_no_place_says_so(client: Client) -> None:
    for wrong in ({"older": "x"}, {"newer": "20261305-1-" + "0" * 32}, {"older": str(PLACE), "newer": str(PLACE)}):
        answer = client.get(URL, SPAN | wrong)
        assert answer.status_code == 422
        assert "The address names no place in this list." in text(answer.content.decode())
    assert client.get(URL, SPAN | {"older": str(PLACE)}).status_code == 200
    far = str(PLACE._replace(day=date(1999, 1, 1)))
    assert "No older requests in this period." in text(client.get(URL, SPAN | {"older": far}).content.decode())


def test_rows_say_what_is_unusual_and_lead_to_receipts(
    tenant: Tenant, api: Api, client_for: Callable[[User | None], Client]
) -> None:
    make_model({"input": "10", "output": "20"})
    user = "reader@ada.example"
    hold = api.authorise(input_tokens=10, user=user).json()["id"]
    api.settle(hold, fields={"status": "failed", "usage": {"output": 6_000_000, "web_search": 1}})
    browser = reader(tenant, client_for)
    User.objects.filter(email=user).update(name="Rea Der")
    html = browser.get(URL, {"range": "today"}, follow=True).content.decode()
    [row] = re.findall(r"<tr><th scope=\"row\">.*?</tr>", html, re.S)
    for word in ("Failed", "Absorbed", "Flagged", "Rea Der"):
        assert word in text(row)
    assert "Estimated" not in row
    address = re.findall(r'href="(/o/ada/receipts/[^"]+)"', row)[0]
    assert hold in browser.get(address).content.decode()
