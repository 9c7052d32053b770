"""Budgets on an organisation's pages: set, seen, changed, ended by owners and admins; read by all members."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from organisations.models import User
from organisations.services import create_agent, create_project, issue_api_key
from tests import cast, database
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import one, rows_of, verified
from wallets.services import set_budget

D = Decimal
PAGE = "/o/ada/budgets/"
DAY = 86_400


@pytest.fixture
def owning(client_for: Callable[[User | None], Client], owner: User) -> Client:
    return client_for(owner)


def form(**fields: str) -> dict[str, str]:
    return {
        "subject": "organisation:", "run": "", "period": "month", "amount": "25.00", "stops": "yes",
        "alert_percent": "80", **fields,
    }  # fmt: skip


def budgets() -> list[Any]:
    return rows_of(
        "SELECT subject, period, amount, hard, alert_percent, ended_at IS NULL FROM wallets_budget ORDER BY id"
    )


def put(tenant: Tenant, amount: str, *, scope: str = "agent", target: str | None = None, **fields: Any) -> Any:
    of = tenant.agent.pk if target is None else target
    given = {"period": "month", "hard": True, "alert_percent": None, **fields}
    return set_budget(organisation=tenant.organisation, scope=scope, target=str(of), amount=D(amount), **given)


def text(client: Client, address: str = PAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    words = re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+(?=[.,])", "", " ".join(words.split()))


def test_an_owner_sets_one_for_each_kind_of_subject(owning: Client, tenant: Tenant) -> None:
    subjects = {
        "organisation:", f"project:{tenant.project.pk}", f"agent:{tenant.agent.pk}", f"key:{tenant.key.pk}",
        "member:owner@ada.example",
    }  # fmt: skip
    for subject in subjects:
        assert owning.post(f"{PAGE}set/", form(subject=subject)).status_code == 302
    assert owning.post(f"{PAGE}set/", form(subject="run:", run="nightly", period="total")).status_code == 302
    assert {(s, p) for s, p, *_ in budgets()} == {(s, "month") for s in subjects} | {("run:nightly", "total")}
    assert {row[2:] for row in budgets()} == {(D(25), True, 80, True)}
    seen = text(owning)
    for name in ("Ada", "Main", "Main: Agent", "owner@ada.example", "key (tb_", "nightly"):
        assert name in seen, name


def test_a_budget_set_here_stops_calls(owning: Client, tenant: Tenant, api: Api) -> None:
    make_model({"input": "0", "output": "20"})
    owning.post(f"{PAGE}set/", form(subject=f"agent:{tenant.agent.pk}", amount="0.001"))
    refused = api.authorise(min_output_tokens=100, max_output_tokens=100)
    assert (refused.status_code, refused.json()["limiting_scope"]) == (402, "agent")
    assert api.authorise(max_output_tokens=100).json()["max_output_tokens"] == 50
    verified()


def test_used_held_and_left_are_what_the_calls_of_the_period_make_them(
    owning: Client, tenant: Tenant, api: Api
) -> None:
    make_model({"input": "0", "output": "20"})
    put(tenant, "10", alert_percent=30)
    api.settle(api.authorise(max_output_tokens=100_000).json()["id"], output=75_000)  # 1.50
    api.authorise(max_output_tokens=100_000)  # holds 2.00
    seen = text(owning)
    assert "Main: Agent Month restarts" in seen
    assert "$10.00 $1.50 $2.00 $6.50 Calls are refused alert at 30 % OK" in seen
    api.settle(api.authorise(max_output_tokens=100_000).json()["id"], output=75_000)
    assert "$3.00 $2.00 $5.00 Calls are refused alert at 30 % Near its end" in text(owning)
    database.advance_clock(32 * DAY)
    assert "$10.00 $0.00 $0.00 $10.00" in text(owning)  # another month


def test_the_restart_is_told_in_the_billing_zone(client_for: Any, transactional_db: None) -> None:
    tokyo = make_tenant("tokyo", billing_zone="Asia/Tokyo")
    put(tokyo, "5", period="day")
    put(tokyo, "5", period="total")
    client = client_for(make_user("o@tokyo.example", member_of=tokyo.organisation))
    at = one("SELECT date_trunc('day', billing_now() AT TIME ZONE 'Asia/Tokyo') + interval '1 day'")[0]
    seen = text(client, "/o/tokyo/budgets/")
    assert f"Day restarts {at:%-d %b %Y}, 00:00:00" in seen
    assert "midnight in Asia/Tokyo" in seen
    assert "In total never restarts" in seen


def test_reached_and_exceeded_are_told(owning: Client, tenant: Tenant, api: Api) -> None:
    make_model({"input": "0", "output": "20"})
    put(tenant, "1.5")
    put(tenant, "1", scope="project", target=str(tenant.project.pk), hard=False)
    api.settle(api.authorise(max_output_tokens=75_000).json()["id"], output=75_000)
    seen = text(owning)
    assert "$1.50 $1.50 $0.00 $0.00 Calls are refused no alert before Reached" in seen
    assert "$1.00 $1.50 $0.00 $0.500 over Only an alert no alert before Reached" in seen


def test_the_same_form_twice_sets_one(owning: Client) -> None:
    for _ in range(2):
        assert owning.post(f"{PAGE}set/", form()).status_code == 302
    assert len(budgets()) == 1


def test_one_that_is_there_is_not_changed_unnoticed(owning: Client) -> None:
    owning.post(f"{PAGE}set/", form())
    again = owning.post(f"{PAGE}set/", form(amount="30"))
    assert again.status_code == 422
    assert "There is one for this period already, of 25." in again.context["form"].errors["subject"][0]
    assert [row[2] for row in budgets()] == [D(25)]


def test_it_is_changed_and_ended_after_a_question(owning: Client, tenant: Tenant, api: Api) -> None:
    make_model({"input": "0", "output": "20"})
    found = put(tenant, "0.001")
    address = f"{PAGE}{found.pk}/"
    assert owning.post(address, {"amount": "0.5", "stops": "no", "alert_percent": ""}).status_code == 302
    assert budgets() == [(f"agent:{tenant.agent.pk}", "month", D("0.5"), False, None, True)]
    assert "End the budget of Main: Agent?" in text(owning, f"{address}end/")
    assert budgets()[0][-1]
    for _ in range(2):
        assert owning.post(f"{address}end/").status_code == 302
    assert not budgets()[0][-1]
    assert "There is no budget yet." in text(owning)
    assert owning.get(address).status_code == 404
    assert owning.post(address, {"amount": "9", "stops": "yes", "alert_percent": ""}).status_code == 404
    assert api.authorise(max_output_tokens=100).status_code == 201


def test_the_audit_trail_says_who_set_changed_and_ended_it(owning: Client, owner: User, api: Api) -> None:
    owning.post(f"{PAGE}set/", form())
    address = f"{PAGE}{one('SELECT id FROM wallets_budget')[0]}/"
    owning.post(address, {"amount": "30", "stops": "yes", "alert_percent": "80"})
    owning.post(f"{address}end/")
    api.send("POST", "budgets/runs", {"run": "many of them", "amount": "1"})
    entries = rows_of(
        "SELECT action, actor, before ->> 'amount', after ->> 'amount', after ? 'ended_at'"
        " FROM organisations_auditentry WHERE \"table\" = 'wallets_budget' ORDER BY id"
    )
    by = f"user:{owner.pk}"
    assert [(action, actor) for action, actor, *_ in entries] == [("insert", by), ("update", by), ("update", by)]
    assert [D(amount) for amount in entries[1][2:4]] == [D(25), D(30)]
    assert entries[2][4]


def test_no_budget_is_above_one_that_includes_it(owning: Client, tenant: Tenant) -> None:
    other = create_project(organisation=tenant.organisation, name="Other", slug="other")
    create_agent(project=other, name="Else", slug="else")
    put(tenant, "20", scope="organisation", target="")
    put(tenant, "10", scope="project", target=str(tenant.project.pk))
    agent, project = f"agent:{tenant.agent.pk}", f"project:{other.pk}"

    def told(**fields: str) -> str:
        answer = owning.post(f"{PAGE}set/", form(**fields))
        return "" if answer.status_code == 302 else str(answer.context["form"].errors["amount"][0])

    before = budgets()
    assert told(subject=agent, amount="10.000000001").startswith("This is above the budget of project Main, $10.00 a m")
    assert told(subject=f"key:{tenant.key.pk}", amount="11").startswith("This is above the budget of project Main")
    assert told(subject=project, amount="20.01").startswith("This is above the budget of Ada, $20.00 a month")
    assert told(subject="run:", run="x", amount="21").startswith("This is above the budget of Ada")
    assert budgets() == before
    assert told(subject=agent, amount="10") == ""
    assert told(subject=agent, amount="500", period="day") == ""  # another period is no parent
    assert told(subject=project, amount="20") == ""


def test_a_budget_is_not_lowered_below_what_it_includes(owning: Client, tenant: Tenant) -> None:
    whole = put(tenant, "20", scope="organisation", target="")
    put(tenant, "10")
    put(tenant, "15", scope="run", target="long over")
    answer = owning.post(f"{PAGE}{whole.pk}/", {"amount": "9.99", "stops": "yes", "alert_percent": ""})
    assert answer.status_code == 422
    assert answer.context["form"].errors["amount"] == [
        "This is below the budget of agent Main: Agent, $10.00 a month. Change that one first."
    ]
    assert owning.post(f"{PAGE}{whole.pk}/", {"amount": "10", "stops": "yes", "alert_percent": ""}).status_code == 302


def test_a_key_that_names_other_agents_has_the_organisation_above_it_only(owning: Client, tenant: Tenant) -> None:
    put(tenant, "10", scope="project", target=str(tenant.project.pk))
    bound = {"organisation": tenant.organisation, "project": tenant.project, "agent": tenant.agent}
    free = issue_api_key(name="free", scopes=["calls", "act_for"], **bound).key
    assert owning.post(f"{PAGE}set/", form(subject=f"key:{free.pk}", amount="11")).status_code == 302


BAD = [
    ("amount", value)
    for value in ("", "-1", "NaN", "Infinity", "1e2", "1_0", "٥", "0.0000000001", "1,000", "9" * 30, "ten", "+5", "$5")
] + [
    ("subject", ""), ("subject", "agent:999"), ("subject", "agent:x"), ("subject", "member:nobody@ada.example"),
    ("subject", "tenant:1"), ("period", "year"), ("period", ""), ("stops", "perhaps"), ("alert_percent", "0"),
    ("alert_percent", "101"), ("alert_percent", "8.5"), ("alert_percent", "many"), ("run", "without a run's budget"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_input_is_told_beside_its_field(owning: Client, field: str, value: str) -> None:
    before = cast.contents()
    answer = owning.post(f"{PAGE}set/", form(**{field: value}))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert (cast.contents(), budgets()) == (before, [])


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "x" * 201, "a\0b"])
def test_a_run_needs_a_label(owning: Client, label: str) -> None:
    answer = owning.post(f"{PAGE}set/", form(subject="run:", run=label))
    assert (answer.status_code, list(answer.context["form"].errors), budgets()) == (422, ["run"], [])


def test_zero_stops_everything(owning: Client, api: Api) -> None:
    make_model({"input": "0", "output": "20"})
    assert owning.post(f"{PAGE}set/", form(amount="0")).status_code == 302
    assert api.authorise().status_code == 402


def test_budgets_of_others_do_not_exist_here(owning: Client) -> None:
    ben = make_tenant("ben")
    theirs = put(ben, "5")
    for method in (owning.get, owning.post):
        for rest in ("", "end/"):
            assert method(f"{PAGE}{theirs.pk}/{rest}", form()).status_code == 404
    answer = owning.post(f"{PAGE}set/", form(subject=f"agent:{ben.agent.pk}"))
    assert list(answer.context["form"].errors) == ["subject"]
    assert [row[2:] for row in budgets()] == [(D(5), True, None, True)]


@pytest.mark.parametrize("role", ["billing", "developer", "viewer"])
def test_others_read(client_for: Any, tenant: Tenant, role: str) -> None:
    found = put(tenant, "5")
    client = client_for(make_user("reader@ada.example", member_of=tenant.organisation, as_=role))
    page = client.get(PAGE).content.decode()
    assert "Main: Agent" in page
    assert f"{PAGE}{found.pk}/" not in page
    assert f"{PAGE}set/" not in page
    for address in (f"{PAGE}set/", f"{PAGE}{found.pk}/", f"{PAGE}{found.pk}/end/"):
        assert client.get(address).status_code == client.post(address, form(amount="6")).status_code == 403
    assert [row[2] for row in budgets()] == [D(5)]
