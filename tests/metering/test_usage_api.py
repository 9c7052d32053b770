"""GET /usage: the same sums as on the page, for keys; each sees what it may."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from organisations.models import User
from organisations.services import create_agent, create_project, issue_api_key
from tests.analytics.usage_pages import cell, reader, table
from tests.api import Api
from tests.booked import Booked, book
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import rows_of

D = Decimal
SPAN = "from=2026-03-28&to=2026-03-30"


@pytest.fixture
def berlin(transactional_db: None) -> Tenant:
    """Four days around the change of the clocks, two agents of two projects."""
    tenant = make_tenant("ada", billing_zone="Europe/Berlin")
    other = create_project(organisation=tenant.organisation, name="Other", slug="other")
    sophi = create_agent(project=other, name="Sophi", slug="sophi")
    models = [make_model({"input": "1"}, name=name, provider=name[0]) for name in ("alpha", "beta")]
    moments = [datetime(2026, 3, day, hour, 30, tzinfo=UTC) for day in (27, 28, 29, 30) for hour in (0, 21, 22, 23)]
    book(tenant, [
        Booked(at, models[n % 2], charge=D(n) + D("0.000000001"), agent=sophi if n % 3 else None, user=f"u{n % 2}",
               absorbed=D(n % 2), estimated=n == 5, leaves={"input": n, "cache_read": 1, "output": 2})
        for n, at in enumerate(moments)
    ])  # fmt: skip
    return tenant


def ask(tenant: Tenant, query: str, scopes: tuple[str, ...] = ("read",)) -> Any:
    bound = {"organisation": tenant.organisation, "project": tenant.project, "agent": tenant.agent}
    return Api(None, secret=issue_api_key(name="k", scopes=scopes, **bound).secret).get(f"usage?{query}")


def test_days_are_those_of_the_zone_and_sums_those_of_the_records(berlin: Tenant) -> None:
    answer = ask(berlin, f"{SPAN}&by=day")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["first_day"], body["last_day"], body["zone"]) == ("2026-03-28", "2026-03-30", "Europe/Berlin")
    expected = rows_of(
        "SELECT (posted_at AT TIME ZONE 'Europe/Berlin')::date::text, count(*), count(*) FILTER (WHERE estimated),"
        " sum((leaves ->> 'input')::int + 1), count(*), 2 * count(*), sum(list_cost)::text, sum(charge)::text,"
        " sum(absorbed)::text FROM metering_usagerecord"
        " WHERE (posted_at AT TIME ZONE 'Europe/Berlin')::date BETWEEN '2026-03-28' AND '2026-03-30'"
        " GROUP BY 1 ORDER BY 1 DESC"
    )
    names = ("key", "requests", "estimated", "input_tokens", "cached_tokens", "output_tokens", "list_cost", "charged",
             "absorbed")  # fmt: skip
    assert [tuple(group[name] for name in names) for group in body["groups"]] == expected
    assert [row[1] for row in expected] == [4, 3, 4]  # 22:30 UTC is in the next day only since the clocks changed
    assert D(body["total"]["charged"]) == sum(D(row[7]) for row in expected)


def test_the_api_and_the_page_agree(berlin: Tenant, client_for: Callable[[User | None], Client]) -> None:
    browser = reader(berlin, client_for)
    for dimension in ("model", "provider", "project", "agent", "member"):
        query = f"{SPAN}&by={dimension}&model=a/alpha"
        shown = table(browser.get(f"/o/ada/usage/?{query}", follow=True).content.decode(), "compared")
        groups = ask(berlin, query).json()["groups"]
        assert {group["name"]: D(group["charged"]) for group in groups} == {
            name: cell(row["Charged"]) for name, row in shown.items() if name != "All"
        }


@pytest.mark.parametrize(("scopes", "sees"), [
    (("read",), {"agent", "sophi"}), (("calls", "act_for"), {"agent", "sophi"}), (("calls",), {"agent"}),
])  # fmt: skip
def test_a_key_without_read_sees_its_own_agent_only(berlin: Tenant, scopes: tuple[str, ...], sees: set[str]) -> None:
    body = ask(berlin, f"{SPAN}&by=agent", scopes).json()
    assert {group["key"] for group in body["groups"]} == sees
    assert sum(D(group["charged"]) for group in body["groups"]) == D(body["total"]["charged"])
    others = ask(berlin, f"{SPAN}&agent=sophi", scopes)
    assert others.status_code == (200 if "sophi" in sees else 422)
    if others.status_code == 422:
        nobody = ask(berlin, f"{SPAN}&agent=nobody", scopes).json()
        assert str(others.json()).replace("sophi", "nobody") == str(nobody)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-03-30&to=2026-03-28", "from"), ("from=2025-01-01&to=2026-03-28", "from"), ("to=2026-03-28", "from"),
        ("from=2026-02-30", "from"), ("from=2026-03-01&to=tomorrow", "to"), ("by=cost", "by"), ("by=", "by"),
        ("agent=nobody", "agent"), ("project=nobody", "project"), ("model=alpha", "model"),
        ("provider=%00", "provider"), ("range=7d", "range"), ("by=day&by=model", "by"),
        ("member=" + "x" * 201, "member"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_named(berlin: Tenant, query: str, field: str) -> None:
    answer = ask(berlin, query)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_fields"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_others_usage_is_in_no_sum(berlin: Tenant) -> None:
    ben = make_tenant("ben")
    book(ben, [Booked(datetime(2026, 3, 29, 12, tzinfo=UTC), make_model({"input": "1"}, name="bens"))])
    assert ask(berlin, f"{SPAN}&by=day").json()["total"]["requests"] == 11
    assert ask(ben, SPAN).json()["total"]["charged"] == "1.000000000"
    assert ask(ben, "").json()["groups"] == []
