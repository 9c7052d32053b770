# ruff: noqa: E501  (SQL and patterns)
"""Figures on the pages = figures by independent SQL over the usage records, on random data.

The data cross a change to summer time, lie around midnight of a zone with an odd offset, and hold estimated
settlements, absorbed overrun and corrections. The SQL cuts days from the moments itself and reads no sums.
"""

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from organisations.models import Organisation
from organisations.services import create_agent
from providers.models import Model
from tests import database
from tests.booked import Booked, book
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import one, rows_of

D = Decimal
ZONES = {"berlin": "Europe/Berlin", "kathmandu": "Asia/Kathmandu"}
# Shortly after the clocks of Europe/Berlin went forward, on 28 March 2027.
NOW = datetime(2027, 4, 2, 9, 30, tzinfo=UTC)
IN_WINDOW = """
SELECT coalesce(sum(charge), 0) FROM metering_usagerecord WHERE organisation_id = %s AND posted_at > %s - %s * interval '1 day'
"""
BY = """
SELECT {name}, sum(u.charge), sum(u.charge) FILTER (WHERE {now}), count(*) FILTER (WHERE {now} AND u.revision = 0), sum({tokens}) FILTER (WHERE {now})
FROM metering_usagerecord u JOIN providers_model m ON m.id = u.model_id JOIN organisations_agent a ON a.id = u.agent_id
WHERE u.organisation_id = %s AND (u.posted_at AT TIME ZONE %s)::date BETWEEN %s - 59 AND %s GROUP BY 1
"""
TOKENS = "(SELECT sum(v::bigint) FROM jsonb_each_text(u.leaves) AS l (k, v) WHERE k NOT LIKE '%%search')"


def moment(random_: random.Random, zone: str) -> datetime:
    """Some time in the last 70 days, often within minutes of a local midnight or of the change of the clocks."""
    kind = random_.random()
    if kind < 0.15:
        return datetime(2027, 3, 28, 1, 0, tzinfo=UTC) + timedelta(seconds=random_.randint(-5400, 5400))
    if kind < 0.45:
        shift = {"Europe/Berlin": timedelta(hours=23), "Asia/Kathmandu": timedelta(hours=18, minutes=15)}[zone]
        day = NOW.replace(hour=0, minute=0) - timedelta(days=random_.randint(1, 69))
        return day + shift + timedelta(seconds=random_.randint(-400, 400))
    return NOW - timedelta(seconds=random_.randint(1, 70 * 86_400))


def booked(random_: random.Random, tenant: Tenant, models: list[Model], agents: list[Any]) -> list[Booked]:
    found = []
    for _ in range(400):
        charge = D(random_.randint(0, 3_000_000_000)) / 10**9
        record = Booked(
            at=moment(random_, tenant.organisation.billing_zone), model=random_.choice(models),
            agent=random_.choice(agents), charge=charge,
            absorbed=D(random_.randint(0, 10**8)) / 10**9 if random_.random() < 0.1 else D(0),
            leaves={"input": random_.randint(0, 90_000), "cache_read": random_.randint(0, 9_000),
                    "output": random_.randint(0, 5_000), "web_search": random_.randint(0, 3)},
            user=random_.choice(["", "ana@x.example"]), estimated=random_.random() < 0.1,
            status=random_.choice(["completed", "completed", "cancelled", "failed"]),
        )  # fmt: skip
        found.append(record)
        if random_.random() < 0.05:
            found.append(
                Booked(
                    at=min(record.at + timedelta(hours=3), NOW), model=record.model, agent=record.agent,
                    charge=-charge / 2, leaves={"input": -1}, user=record.user, revision=1, hold=record.hold,
                )
            )  # fmt: skip
    return sorted(found, key=lambda b: b.at)


@pytest.fixture(params=ZONES)
def filled(request: Any, transactional_db: None) -> Tenant:
    random_ = random.Random(f"figures {request.param}")
    tenant = make_tenant(request.param, credits="900", billing_zone=ZONES[request.param])
    models = [make_model({"input": "1", "output": "2"}, name=name, provider=provider)
              for name, provider in (("alpha", "acme"), ("beta", "acme"), ("gamma", "other"))]  # fmt: skip
    agents = [create_agent(project=tenant.project, name=name, slug=name.lower()) for name in ("Sophi", "Marv", "Sage")]
    book(tenant, booked(random_, tenant, models, agents))
    database.advance_clock((NOW - datetime.now(UTC)).total_seconds())
    return tenant


def exact(html: str) -> list[Decimal]:
    """Every amount in a piece of a page, as exact as its title has it."""
    return [D(found) for found in re.findall(r'title="(-?[\d.]+) USD"', html)]


def figure(html: str, label: str) -> str:
    [found] = re.findall(rf"<dt>{label}</dt>(.*?)</div>", html, re.S)
    return str(found)


def rows(html: str, caption: str) -> Mapping[str, str]:
    [table] = re.findall(rf"<caption>{caption}</caption>(.*?)</table>", html, re.S)
    return {
        re.sub("<[^>]+>", "", row.split("</td>")[0]).split()[0]: row
        for row in re.findall(r"<tr>(<td>.*?)</tr>", table, re.S)
    }


def page(tenant: Tenant, client_for: Any, path: str) -> str:
    reader = make_user(
        f"{path or 'overview'}-reader@x.example".replace("/", ""), member_of=tenant.organisation, as_="viewer"
    )
    answer = client_for(reader).get(f"/o/{tenant.organisation.slug}/{path}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def today_of(organisation: Organisation) -> Any:
    return one("SELECT (billing_now() AT TIME ZONE %s)::date", organisation.billing_zone)[0]


def independent(name: str, tenant: Tenant, first: Any) -> Mapping[str, Any]:
    organisation, today = tenant.organisation, today_of(tenant.organisation)
    now = f"(u.posted_at AT TIME ZONE '{organisation.billing_zone}')::date >= '{first}'"
    sql = BY.format(name=name, now=now, tokens=TOKENS)
    return {row[0]: row[1:] for row in rows_of(sql, tenant.id, organisation.billing_zone, today, today)}


def test_overview(filled: Tenant, client_for: Any) -> None:
    html = page(filled, client_for, "")
    [now] = one("SELECT billing_now()")
    for days, label in ((1, "Burn rate, 24 h"), (7, "Burn rate, 7 d"), (30, "Burn rate, 30 d")):
        [charged] = one(IN_WINDOW, filled.id, now, days)
        assert abs(exact(figure(html, label))[0] * days - charged) < D("0.000001")
    first = today_of(filled.organisation) - timedelta(days=29)
    for caption, name in (("Spend by model, 30 days", "m.name"), ("Spend by agent, 30 days", "a.name")):
        expected, shown = independent(name, filled, first), rows(html, caption)
        assert set(shown) == set(expected)
        for key, (both, charged, requests, _) in expected.items():
            assert exact(shown[key])[0] == charged
            assert f">{requests:,}<" in shown[key]
            change = (charged / (both - charged) - 1) * 100
            assert f"{abs(int(change.quantize(D(1), rounding='ROUND_HALF_UP')))} %" in shown[key]
    [spend] = exact(figure(html, "Spend, 30 days"))
    assert spend == sum(row[1] for row in independent("m.name", filled, first).values())


def test_live(filled: Tenant, client_for: Any) -> None:
    html = page(filled, client_for, "live/")
    first = today_of(filled.organisation).replace(day=1)
    expected = independent("m.name || ' ' || a.name", filled, first)
    found = {}
    [table] = re.findall(r"<caption>Spend by model, this month</caption>(.*?)</table>", html, re.S)
    for row in re.findall(r"<tr>(<td>.*?)</tr>", table.partition("<tfoot>")[0], re.S):
        cells = [re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.S)]
        found[f"{cells[0].split()[0]} {cells[1]}"] = (exact(row)[0], int(cells[4].replace(",", "")))
    assert found == {key: (row[1], row[3]) for key, row in expected.items() if row[1] is not None}
    assert exact(figure(html, "Total spend")) == [sum(charge for charge, _ in found.values())]
    assert f"{sum(tokens for _, tokens in found.values()):,}" in figure(html, "Total tokens")
    [charged] = one(IN_WINDOW, filled.id, one("SELECT billing_now()")[0], 1)
    days = int(D(900) // charged)
    assert f"<dd>{days} d</dd>" in figure(html, "Runway")
