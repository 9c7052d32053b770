"""The live page's figures: the worked sample, spend and balance to the cent, stops, the curve, the cost of reading."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.live import live
from common.tenancy import tenant as scope
from organisations.models import Organisation, User
from organisations.services import create_agent, issue_api_key
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant
from wallets.services import start_over

D = Decimal
DAY = 86_400


def text_of(html: str) -> str:
    """What a reader sees, on one line."""
    drawn = re.sub(r"<(svg|script|noscript).*?</\1>", "", html, flags=re.S)
    blocks = re.sub(r"</?(p|d[tdl]|t[hdr]|li|h\d|div|section)\b[^>]*>", " ", drawn)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", blocks))


def page(client_for: Any, user: User, organisation: Organisation) -> str:
    answer = client_for(user).get(f"/o/{organisation.slug}/live/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def figures(organisation: Organisation) -> Any:
    with scope(organisation.pk, snapshot=True):
        return live(Organisation.objects.get(pk=organisation.pk))


def key_of(tenant: Tenant, name: str) -> Api:
    agent = create_agent(project=tenant.project, name=name, slug=name.lower())
    issued = issue_api_key(
        organisation=tenant.organisation, name=name, scopes=("calls",), project=tenant.project, agent=agent
    )
    return Api(None, secret=issued.secret)


def spend(api: Api, model: str = "model", provider: str = "test", **usage: int) -> Any:
    hold = api.authorise(provider=provider, model=model, input_tokens=100_000, max_output_tokens=100_000).json()["id"]
    answer = api.settle(hold, **usage)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_worked_sample_stands_on_the_page(tenant: Tenant, owner: User, client_for: Any) -> None:
    sample = {
        ("anthropic", "claude-opus-4-6", "Sophi"): ("15", 12_400, "$0.186"),
        ("anthropic", "claude-haiku-4-5", "Marv"): ("1", 28_900, "$0.029"),
        ("google", "gemini-2.5-pro", "Sage"): ("10", 8_200, "$0.082"),
    }
    for (provider, model, agent), (price, tokens, _) in sample.items():
        make_model({"input": price, "output": price}, name=model, provider=provider)
        spend(key_of(tenant, agent), model, provider, input=tokens // 2, output=tokens - tokens // 2)
    html = page(client_for, owner, tenant.organisation)
    for (_, model, agent), (_, tokens, cost) in sample.items():
        [row] = [
            text_of(row) for row in re.findall(r"<tr>.*?</tr>", html, re.S) if f">{model}<" in row or f"{model} " in row
        ]
        assert agent in row
        assert f"{tokens:,}" in row
        assert cost in row
    assert "49,500" in html
    assert "$0.297" in text_of(html)
    assert "2 providers, 3 agents" in text_of(html)


def test_available_held_and_spent_make_what_there_was(tenant: Tenant, api: Api, owner: User, client_for: Any) -> None:
    make_model({"input": "10", "output": "20"})
    spend(api, input=50_000, output=1_000)  # 0.52
    running = api.authorise(input_tokens=100, max_output_tokens=10_000).json()  # 0.201
    api.progress(running["id"], 1, output=2_000)  # 0.04
    shown = figures(tenant.organisation)
    assert (shown.standing.there, shown.standing.running, shown.spent, shown.given) == (
        D("99.44"),
        D("0.161"),
        D("0.56"),
        D(100),
    )
    assert shown.standing.available + shown.standing.running == shown.standing.there
    words = text_of(page(client_for, owner, tenant.organisation))
    assert "Balance $99.44" in words
    assert "$0.161 held by running calls" in words
    assert "$0.560 spent this month" in words


def test_two_hundred_dollars_at_four_twenty_a_day_last_forty_seven_days(
    tenant: Tenant, api: Api, owner: User, client_for: Any
) -> None:
    make_model({"input": "4.2", "output": "20"})
    give(tenant.organisation, "108.4")
    spend(api, input=1_000_000)  # 4.20, two days ago
    database.advance_clock(2 * DAY)
    spend(api, input=1_000_000)
    words = text_of(page(client_for, owner, tenant.organisation))
    assert "Balance $200.00" in words
    assert "Runway 47 d" in words
    assert "at $4.20 a day" in words


def test_without_a_day_of_usage_there_is_no_rate(tenant: Tenant, api: Api, owner: User, client_for: Any) -> None:
    make_model({"input": "10", "output": "20"})
    assert "Runway No usage" in text_of(page(client_for, owner, tenant.organisation))
    spend(api, input=50_000)
    assert "Runway Not enough data" in text_of(page(client_for, owner, tenant.organisation))
    database.advance_clock(3 * DAY)
    assert "Runway No usage" in text_of(page(client_for, owner, tenant.organisation))


def test_it_stops_at_zero_and_clears_when_credits_arrive(owner: User, client_for: Any, tenant: Tenant) -> None:
    make_model({"input": "10", "output": "20"})
    poor = make_tenant("poor", credits="0.05")
    agent = Api(poor)
    spend_all = agent.authorise(input_tokens=1_000, max_output_tokens=100_000).json()
    assert spend_all["clamped"] is True
    agent.settle(spend_all["id"], input=1_000, output=spend_all["max_output_tokens"])
    assert agent.authorise(input_tokens=1_000, max_output_tokens=10).status_code == 402
    stop = figures(poor.organisation).stop
    assert stop is not None
    give(poor.organisation, "5")
    assert figures(poor.organisation).stop is None
    assert agent.authorise(input_tokens=1_000, max_output_tokens=10).status_code == 201


def test_it_stops_when_running_calls_hold_everything_from_that_moment_on(tenant: Tenant) -> None:
    make_model({"input": "10", "output": "20"})
    poor = make_tenant("poor", credits="0.02")
    database.advance_clock(DAY)
    assert Api(poor).authorise(input_tokens=0, max_output_tokens=5_000).json()["available"] == "0.000000000"
    stop = figures(poor.organisation).stop
    assert stop is not None
    assert figures(poor.organisation).as_of - stop.since < timedelta(hours=1)


def test_small_change_stops_only_when_every_call_is_refused(tenant: Tenant) -> None:
    make_model({"input": "10", "output": "20"})
    poor = make_tenant("poor", credits="0.05")
    agent = Api(poor)
    assert agent.authorise(input_tokens=100, max_output_tokens=10).status_code == 201
    assert agent.authorise(input_tokens=50_000, max_output_tokens=10).status_code == 402
    assert figures(poor.organisation).stop is None  # a small call has just been authorised
    database.advance_clock(6)
    assert agent.authorise(input_tokens=50_000, max_output_tokens=10).status_code == 402
    assert figures(poor.organisation).stop is not None
    assert agent.authorise(input_tokens=100, max_output_tokens=10).status_code == 201
    assert figures(poor.organisation).stop is None


def test_a_large_call_that_is_refused_stops_nobody(tenant: Tenant, api: Api) -> None:
    make_model({"input": "1000", "output": "20"})
    assert api.authorise(input_tokens=500_000, max_output_tokens=10).status_code == 402
    database.advance_clock(10)
    assert figures(tenant.organisation).stop is None


def test_an_organisation_without_credits_is_stopped(tenant: Tenant, owner: User, client_for: Any) -> None:
    empty = make_tenant("empty")
    shown = figures(empty.organisation)
    assert shown.stop is not None
    assert (shown.standing.there, shown.given, shown.spending.rows) == (D(0), D(0), [])


def test_the_curve_holds_every_step_of_credits(tenant: Tenant, api: Api) -> None:
    make_model({"input": "10", "output": "20"})
    database.advance_clock(30 * 60)
    spend(api, input=100_000)  # 1.00
    database.advance_clock(20 * 60)
    give(tenant.organisation, "7")
    curve = figures(tenant.organisation).curve
    assert [row.amount for row in curve.credits] == [D(7), D(100)]
    assert curve.spent == D(1)
    balances = [point.balance for point in curve.points]
    assert balances[-1] == D(106)
    assert set(balances) == {D(100), D(99), D(106)}
    assert max(b for b in balances if b is not None) == D(106)


def test_a_sandbox_begins_anew(transactional_db: None) -> None:
    make_model({"input": "10", "output": "20"})
    sandbox = make_tenant("sandbox", credits="50", sandbox=True)
    agent = Api(sandbox)
    spend(agent, input=100_000)
    start_over(organisation=sandbox.organisation, amount=D(200), reason="Reset", key="1")
    spend(agent, output=1_000)
    shown = figures(sandbox.organisation)
    assert (shown.spent, shown.given, shown.spending.tokens, shown.started_over) == (D("0.02"), D(200), 1_000, True)
    assert all(event.at >= shown.since for event in shown.events)


def test_the_feed_tells_what_happened_and_links_to_receipts(
    tenant: Tenant, api: Api, owner: User, client_for: Any
) -> None:
    make_model({"input": "10", "output": "20"})
    receipt = spend(api, input=1_000, output=10)
    released = api.authorise(input_tokens=10, max_output_tokens=5).json()["id"]
    api.release(released)
    api.authorise(input_tokens=10, max_output_tokens=5)
    kinds = [event.kind for event in figures(tenant.organisation).events]
    assert sorted(kinds) == ["credited", "held", "released", "settled"]
    assert f"/o/ada/receipts/{receipt['id']}" in page(client_for, owner, tenant.organisation)


def test_reading_costs_the_same_number_of_queries_however_much_happened(
    tenant: Tenant, api: Api, owner: User, client_for: Any
) -> None:
    make_model({"input": "10", "output": "20"})
    client: Client = client_for(owner)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get("/o/ada/live/").status_code == 200
        return len(found)

    spend(api, input=100)
    few = queries()
    for _ in range(15):
        spend(api, input=100)
        api.authorise(input_tokens=10, max_output_tokens=5)
    assert queries() == few
    assert few <= 40


def test_a_month_begins_at_local_midnight(transactional_db: None) -> None:
    make_model({"input": "10", "output": "20"})
    far = make_tenant("far", credits="50", billing_zone="Asia/Kathmandu")
    shown = figures(far.organisation)
    assert shown.since.utcoffset() == timedelta(hours=5, minutes=45)
    assert (shown.since.day, shown.since.hour) == (1, 0)


@pytest.mark.parametrize("path", ["live/", "live/stream"])
def test_another_organisations_page_does_not_exist(tenant: Tenant, owner: User, client_for: Any, path: str) -> None:
    make_tenant("ben")
    assert client_for(owner).get(f"/o/ben/{path}").status_code == 404
    assert client_for(None).get(f"/o/ben/{path}").status_code == 302
