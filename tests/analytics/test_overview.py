"""The overview: rates and runway in their states, spend beside the period before, what a newcomer is told."""

from decimal import Decimal
from typing import Any

from analytics.overview import Overview, overview
from common.tenancy import tenant as scope
from organisations.models import Organisation, User
from tests import database
from tests.analytics.test_live import DAY, spend, text_of
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant, make_user

D = Decimal


def figures(organisation: Organisation) -> Overview:
    with scope(organisation.pk, snapshot=True):
        return overview(Organisation.objects.get(pk=organisation.pk))


def words(client_for: Any, user: User, organisation: Organisation) -> str:
    answer = client_for(user).get(f"/o/{organisation.slug}/")
    assert answer.status_code == 200
    return text_of(answer.content.decode())


def test_a_newcomer_is_told_what_to_do(tenant: Tenant, owner: User, client_for: Any) -> None:
    seen = words(client_for, owner, tenant.organisation)
    assert "No call has been settled yet." in seen
    assert "Runway No usage" in seen
    assert "Credits are there: $100.00" in seen


def test_rates_are_charged_by_days_and_the_runway_their_floor(
    tenant: Tenant, api: Api, owner: User, client_for: Any
) -> None:
    make_model({"input": "10", "output": "20"})
    spend(api, input=100_000)  # $1.00
    database.advance_clock(3 * DAY)
    spend(api, input=90_000)
    spend(api, input=120_000)  # $2.10 within 24 hours
    found = figures(tenant.organisation)
    assert [found.rates[days].charged for days in (1, 7, 30)] == [D("2.1"), D("3.1"), D("3.1")]
    assert (found.runways[1].days, found.runways[7].days) == (46, 218)  # 96.90 ÷ 2.10, 96.90 ÷ (3.10 ÷ 7)
    seen = words(client_for, owner, tenant.organisation)
    assert "Burn rate, 24 h $2.10" in seen
    assert "Burn rate, 7 d $0.443" in seen
    assert "Runway 46 d" in seen


def test_spend_stands_beside_the_thirty_days_before(tenant: Tenant, api: Api, owner: User, client_for: Any) -> None:
    make_model({"input": "10", "output": "20"})
    make_model({"input": "10", "output": "20"}, name="second", provider="other")
    spend(api, input=100_000)
    database.advance_clock(40 * DAY)
    spend(api, input=150_000)
    spend(api, "second", "other", input=50_000)
    found = figures(tenant.organisation)
    assert (found.spend.charge, found.before.charge, list(found.providers)) == (D(2), D(1), ["Test", "Other"])
    assert [(row.name, row.share, row.change) for row in found.models] == [
        ("model", "75 %", "+50 %"), ("second", "25 %", "–"),
    ]  # fmt: skip
    assert "Spend, 30 days $2.00 100 % more than in the 30 days before" in words(client_for, owner, tenant.organisation)


def test_what_running_calls_have_used_is_no_balance_any_more(tenant: Tenant, api: Api) -> None:
    make_model({"input": "10", "output": "20"})
    hold = api.authorise(input_tokens=0, max_output_tokens=100_000).json()["id"]  # holds 2.00
    api.progress(hold, 1, output=30_000)  # has used 0.60
    found = figures(tenant.organisation)
    assert (found.standing.there, found.standing.running, found.standing.available) == (D("99.4"), D("1.4"), D(98))


def test_a_stopped_organisation_is_told_so_here_too(transactional_db: None, client_for: Any) -> None:
    empty = make_tenant("empty")
    reader = make_user("r@empty.example", member_of=empty.organisation, as_="viewer")
    seen = words(client_for, reader, empty.organisation)
    assert "Stopped: there were no credits yet." in seen
    assert "Ask for credits" in seen
