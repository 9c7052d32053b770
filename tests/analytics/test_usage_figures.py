"""Every figure of the usage page = the same by SQL over the usage records, cut by day independently."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metering.expiry import end_expired_holds
from organisations.models import User
from organisations.services import create_agent, create_project
from tests import database
from tests.analytics.usage_pages import COLUMNS, added, by_sql, cell, chart, figure, reader, table, text
from tests.api import Api
from tests.booked import Booked, book
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one

D = Decimal
URL = "/o/ada/usage/"
# Clocks in Berlin go forward on 29 March and back on 25 October; Kathmandu is 5 h 45 min ahead.
SPANS = {
    "summer time begins": ("Europe/Berlin", "2026-03-25", "2026-04-02"),
    "summer time ends": ("Europe/Berlin", "2026-10-21", "2026-10-29"),
    "a quarter past": ("Asia/Kathmandu", "2026-10-21", "2026-10-29"),
}


def history(tenant: Tenant, first: str, last: str) -> list[Booked]:
    """Twice as many days as the span, most of it near local midnights; corrections take half of a call back."""
    random = Random(f"{first}{tenant.organisation.billing_zone}")
    other = create_project(organisation=tenant.organisation, name="Other", slug="other")
    agents = [tenant.agent, *(create_agent(project=other, name=n, slug=n.lower()) for n in ("Sophi", "Marv"))]
    models = [make_model({"input": "1"}, name=f"model-{n}", provider=f"p{n % 3}") for n in range(9)]
    start = datetime.combine(date.fromisoformat(first), datetime.min.time(), UTC) - timedelta(days=9)
    hours = 24 * ((date.fromisoformat(last) - start.date()).days + 1)
    found: list[Booked] = []
    for _ in range(500):
        at = start + timedelta(hours=random.randrange(hours), seconds=random.choice([0, 1, 900, 2699, 2700, 3599]))
        charge = D(random.randrange(0, 5 * 10**9)) / 10**9
        found.append(Booked(
            at, random.choice(models), charge=charge, list_cost=charge * 2, agent=random.choice(agents),
            absorbed=D(random.randrange(1, 10**8)) / 10**9 if random.random() < 0.1 else D(0),
            leaves={"input": random.randrange(10**6), "cache_read": random.randrange(10**5), "cache_read_audio": 7,
                    "output": random.randrange(10**4), "reasoning": 3, "web_search": 2, "request": 1},
            user=random.choice(["", "owner@ada.example", "batch"]), estimated=random.random() < 0.1,
        ))  # fmt: skip
        if random.random() < 0.06:
            late = found[-1]
            found.append(Booked(
                at + timedelta(hours=20), late.model, charge=-charge / 2, list_cost=-charge, agent=late.agent,
                leaves={"input": -9, "output": -1}, user=late.user, revision=1, hold=late.hold, estimated=True,
            ))  # fmt: skip
    return found


@pytest.fixture(params=SPANS)
def span(request: Any, transactional_db: None) -> tuple[Tenant, str, str]:
    zone, first, last = SPANS[request.param]
    tenant = make_tenant("ada", credits="5", billing_zone=zone)
    book(tenant, history(tenant, first, last))
    return tenant, first, last


def test_tables_are_the_sums_of_the_records(
    span: tuple[Tenant, str, str], client_for: Callable[[User | None], Client]
) -> None:
    tenant, first, last = span
    client = reader(tenant, client_for)
    for dimension in ("model", "provider", "project", "agent", "member", "day"):
        html = client.get(URL, {"from": first, "to": last, "by": dimension}, follow=True).content.decode()
        shown, expected = table(html, "compared"), by_sql(dimension, tenant, first, last)
        if dimension == "member":
            expected["No member named"] = expected.pop("")
        sums = expected | {"All": added(expected)}
        assert set(shown) == set(sums)
        for name, figures in sums.items():
            requests, estimated, into, cached, out, listed, absorbed, charged = figures
            share = D(100 * cached / into).quantize(D(1), rounding="ROUND_HALF_UP")
            wanted = (requests, estimated, into, share, out, listed, absorbed, charged)
            assert tuple(cell(shown[name][column]) for column in COLUMNS) == wanted, name
            assert cell(shown[name]["per 1M tokens"]) == (charged * 10**6 / (into + out)).quantize(D("0.000001"))
        assert cell(figure(html, "Spend")) == sums["All"][-1]


def test_a_filter_and_the_period_before_change_all_figures_alike(
    span: tuple[Tenant, str, str], client_for: Callable[[User | None], Client]
) -> None:
    tenant, first, last = span
    asked = {"from": first, "to": last, "by": "agent", "provider": "p1", "member": "batch"}
    where = "p.slug = 'p1' AND u.user = 'batch'"
    html = reader(tenant, client_for).get(URL, asked).content.decode()
    shown, expected = table(html, "compared"), by_sql("agent", tenant, first, last, where)
    before_first = (date.fromisoformat(first) - timedelta(days=9)).isoformat()
    before_last = (date.fromisoformat(first) - timedelta(days=1)).isoformat()
    before = by_sql("agent", tenant, before_first, before_last, where)
    assert set(shown) - {"All"} == set(expected)
    for name, figures in expected.items():
        assert cell(shown[name]["Charged"]) == figures[-1]
        change = 100 * (figures[-1] - before[name][-1]) / before[name][-1]
        assert cell(shown[name]["Change"].replace("+", "")) == change.quantize(D(1), rounding="ROUND_HALF_UP")
    spent, spent_before = added(expected)[-1], added(before)[-1]
    by = abs(100 * (spent - spent_before) / spent_before).quantize(D(1), rounding="ROUND_HALF_UP")
    assert f"{by} % {'more' if spent > spent_before else 'less'} than in the 9 days before" in figure(html, "Spend")


def test_the_chart_has_a_bar_for_every_local_day(
    span: tuple[Tenant, str, str], client_for: Callable[[User | None], Client]
) -> None:
    tenant, first, last = span
    html = reader(tenant, client_for).get(URL, {"from": first, "to": last}).content.decode()
    drawn, days = chart(html), by_sql("day", tenant, first, last)
    assert list(drawn) == [
        f"{date.fromisoformat(first) + timedelta(days=n):%a %-d %b %Y}" for n in range(9)
    ]  # fmt: skip
    assert {day: amounts[-1] for day, amounts in drawn.items()} == {day: figures[-1] for day, figures in days.items()}
    for amounts in drawn.values():
        assert len(amounts) == 6 + 1 + 1  # models, other, all
        assert sum(amounts[:-1]) == amounts[-1]
    models = sorted((figures[-1] for figures in by_sql("model", tenant, first, last).values()), reverse=True)
    series = [sum(column) for column in zip(*drawn.values(), strict=True)]
    assert series[:6] == models[:6]
    assert series[6] == sum(models[6:])


def test_days_without_usage_are_there_and_zero(tenant: Tenant, client_for: Callable[[User | None], Client]) -> None:
    book(tenant, [Booked(datetime(2026, 3, day, 12, tzinfo=UTC), make_one(day)) for day in (2, 5)])
    html = reader(tenant, client_for).get(URL, {"from": "2026-03-01", "to": "2026-03-06"}).content.decode()
    assert [amounts[-1] for amounts in chart(html).values()] == [0, 1, 0, 0, 1, 0]


def test_what_the_api_settled_counts_today(
    tenant: Tenant, api: Api, client_for: Callable[[User | None], Client]
) -> None:
    make_model({"input": "10", "output": "20"})
    assert api.authorise(input_tokens=1_000, max_output_tokens=1, dispatched=True).status_code == 201
    database.advance_clock(601)
    end_expired_holds()
    api.settle(api.authorise(input_tokens=50_000, user="ana").json()["id"], input=50_000)
    api.settle(api.authorise(max_output_tokens=10).json()["id"], output=6_000_000)  # above the hold and all there is
    html = reader(tenant, client_for).get(URL, {"range": "today", "by": "member"}).content.decode()
    shown = table(html, "compared")
    found = one(
        "SELECT count(*), count(*) FILTER (WHERE estimated), sum(charge), sum(absorbed), sum(list_cost)"
        " FROM metering_usagerecord"
    )
    everything = [cell(shown["All"][name]) for name in ("Requests", "estimated", "Charged", "Absorbed", "List price")]
    assert everything == list(found)
    assert found[:4] == (3, 1, D(100), D("20.51"))
    assert cell(shown["ana"]["Charged"]) == D("0.5")
    assert abs(cell(figure(html, "Burn rate").partition("</dd>")[0]) * 7 - found[2]) < D("0.00001")


def test_an_unknown_name_gives_an_empty_page_that_says_so(
    tenant: Tenant, client_for: Callable[[User | None], Client]
) -> None:
    book(tenant, [Booked(datetime(2026, 3, 2, 12, tzinfo=UTC), make_one(1))])
    make_tenant("ben")  # has an agent "agent", too, but no "bens"
    client = reader(tenant, client_for)
    for kind in ("model", "provider", "project", "agent"):
        for name in ("bens", "model", "x/y", "\x00", "ä" * 300, "' OR 1=1"):
            answer = client.get(URL, {"from": "2026-03-01", "to": "2026-03-03", kind: name})
            assert answer.status_code == 200
            assert f"There is no {kind} " in text(answer.content.decode())
            assert cell(figure(answer.content.decode(), "Spend").partition("</dd>")[0]) == 0
            assert client.get(URL + "requests", {kind: name}).status_code == 200
            assert b"".join(client.get("/o/ada/usage.csv", {kind: name})).count(b"\n") == 1


def test_queries_are_as_many_for_much_usage_as_for_little(
    tenant: Tenant, client_for: Callable[[User | None], Client]
) -> None:
    client, random = reader(tenant, client_for), Random(3)
    models = [make_one(n) for n in range(8)]
    counts = {}
    for records in (1, 400):
        moments = [
            datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(30 * 1440)) for _ in range(records)
        ]
        book(tenant, [Booked(at, random.choice(models), user=f"u{at.minute}") for at in moments])
        for path in (URL, URL + "requests", URL + "?by=day", URL + "?by=member&agent=agent&model=test/m1&member=u1"):
            joined = "&" if "?" in path else "?"
            with CaptureQueriesContext(
                connection,
            ) as captured:
                assert client.get(f"{path}{joined}from=2026-03-01&to=2026-03-31").status_code == 200
            counts.setdefault(path, []).append(len(captured))
    for path, (few, many) in counts.items():
        assert many <= few + 1, path  # one more: the names of a page's rows, where there are any
        assert many <= 40, path


def make_one(number: int) -> Any:
    return make_model({"input": "1"}, name=f"m{number}")
