"""A repeated call gets the first answer; a key used for something else is refused."""

import threading
from decimal import Decimal

import pytest

from organisations.services import (
    create_agent,
    create_project,
    issue_api_key,
    revoke_api_key,
    suspend_organisation,
)
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant
from tests.metering.figures import one, verified, wallet

D = Decimal


@pytest.fixture(autouse=True)
def model(transactional_db: None) -> object:
    return make_model({"input": "10", "output": "20"})


def test_the_same_key_authorises_once(api: Api, tenant: Tenant) -> None:
    first = api.authorise(key="k", input_tokens=100)
    again = api.authorise(key="k", input_tokens=100)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert one("SELECT count(*), count(DISTINCT id) FROM wallets_hold") == (1, 1)


def test_the_first_answer_stands_whatever_happened_since(api: Api, tenant: Tenant) -> None:
    first = api.authorise(key="k", input_tokens=100).json()
    api.settle(first["id"], output=5)
    give(tenant.organisation, "7")
    assert api.authorise(key="k", input_tokens=100).json() == first


def test_the_first_answer_stands_when_the_plan_no_longer_allows_the_model(
    api: Api, tenant: Tenant, model: object
) -> None:
    first = api.authorise(key="k", input_tokens=100).json()
    model.access_class = "advanced"
    model.save()
    assert api.authorise(key="new", input_tokens=100).status_code == 403
    assert api.authorise(key="k", input_tokens=100).json() == first


def test_a_refusal_is_kept_for_its_key(api: Api, tenant: Tenant) -> None:
    body = {"input_tokens": 2_000_000, "max_output_tokens": 5_000_000, "min_output_tokens": 1_000_000}
    make_model({"input": "100", "output": "20"}, name="dear")
    first = api.authorise(key="k2", model="dear", **body)
    assert first.status_code == 402
    give(tenant.organisation, "1000")
    assert api.authorise(key="k2", model="dear", **body).json() == first.json()
    assert api.authorise(key="k3", model="dear", **body).status_code == 201


def test_settling_again_with_the_same_key_gives_the_same_receipt(api: Api, tenant: Tenant) -> None:
    hold = api.authorise().json()["id"]
    first = api.settle(hold, key="s", output=10)
    api.authorise(input_tokens=5_000)  # changes what is available
    assert api.settle(hold, key="s", output=10).json() == first.json()
    assert one("SELECT count(*) FROM wallets_transfer WHERE kind = 'usage'") == (1,)


def test_releasing_again_with_the_same_key_gives_the_same_answer(api: Api) -> None:
    hold = api.authorise().json()["id"]
    first = api.release(hold, key="r").json()
    api.authorise()
    assert api.release(hold, key="r").json() == first


@pytest.mark.parametrize("what", ["body", "route", "hold"])
def test_a_key_used_for_something_else_is_refused_and_changes_nothing(api: Api, tenant: Tenant, what: str) -> None:
    hold, other = api.authorise(key="k").json()["id"], api.authorise().json()["id"]
    before = wallet(tenant.id)
    if what == "body":
        answer = api.authorise(key="k", input_tokens=1)
    elif what == "route":
        answer = api.settle(hold, key="k", output=1)
    else:
        api.settle(hold, key="s", output=1)
        before = wallet(tenant.id)
        answer = api.settle(other, key="s", output=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert wallet(tenant.id) == before


def test_keys_are_the_organisations_own(api: Api, tenant: Tenant) -> None:
    ben = make_tenant("ben", credits="5")
    assert api.authorise(key="k").json()["id"] != Api(ben).authorise(key="k").json()["id"]


def other_agent(tenant: Tenant, *scopes: str) -> Api:
    """A key of the same organisation, for another project and agent."""
    project = create_project(organisation=tenant.organisation, name="Other", slug="other")
    agent = create_agent(project=project, name="Other agent", slug="other-agent")
    issued = issue_api_key(
        organisation=tenant.organisation, name="other", scopes=["calls", *scopes], project=project, agent=agent
    )
    return Api(None, secret=issued.secret)


def test_a_key_of_another_project_does_not_run_on_this_ones_hold(api: Api, tenant: Tenant) -> None:
    api.authorise(key="step-1")
    refused = other_agent(tenant).authorise(key="step-1")
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
    assert one("SELECT count(*) FROM wallets_hold") == (1,)


def test_only_act_for_ends_and_reads_what_another_project_opened(api: Api, tenant: Tenant) -> None:
    stranger = other_agent(tenant)
    hold = api.authorise().json()["id"]
    answers = [stranger.progress(hold, 1, output=1), stranger.settle(hold, output=1), stranger.release(hold)]
    assert [a.status_code for a in answers] == [404, 404, 404]
    api.settle(hold, output=1)
    assert stranger.get(f"receipts/{hold}").status_code == 404


def test_act_for_books_on_the_one_named_and_reads_its_receipt(api: Api, tenant: Tenant) -> None:
    acting = other_agent(tenant, "act_for")
    hold = acting.authorise(project="main", agent="agent").json()["id"]
    acting.settle(hold, output=1)
    assert one("SELECT a.slug FROM metering_usagerecord u JOIN organisations_agent a ON a.id = u.agent_id") == (
        "agent",
    )
    assert acting.get(acting.settle(hold, output=1).json()["receipt"].removeprefix("/api/v1/")).status_code == 200
    assert acting.authorise(project="main", agent="none").json()["code"] == "unknown_name"


def test_one_key_sent_by_many_at_once_acts_once(server: str, tenant: Tenant) -> None:
    start, answers = threading.Barrier(16), []

    def call() -> None:
        api = Api(tenant, server)
        start.wait()
        answers.append(api.authorise(key="k", input_tokens=100))

    threads = [threading.Thread(target=call) for _ in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert {a.status_code for a in answers} == {201}
    assert len({a.text for a in answers}) == 1
    assert one("SELECT count(*) FROM wallets_hold") == (1,)
    hold, start, answers = answers[0].json()["id"], threading.Barrier(16), []

    def settle(n: int) -> None:
        api = Api(tenant, server)
        start.wait()
        answers.append(api.settle(hold, key=f"s{n % 2}", output=100))

    threads = [threading.Thread(target=settle, args=[n]) for n in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(a.status_code for a in answers) == [200] * 8 + [409] * 8
    assert wallet(tenant.id) == (D("99.998"), D(0))
    verified()


def test_a_revoked_key_ends_what_it_opened_and_opens_nothing(api: Api, tenant: Tenant) -> None:
    settled, released = api.authorise().json()["id"], api.authorise().json()["id"]
    revoke_api_key(key=tenant.key)
    assert api.authorise().status_code == 401
    assert api.get("balance").status_code == 401
    told = api.progress(settled, 1, output=1).json()
    assert (told["decision"], told["reason"]) == ("stop", "key_revoked")
    assert api.settle(settled, output=1).status_code == 200
    assert api.release(released).status_code == 200


def test_a_suspended_organisation_ends_its_calls_and_opens_none(api: Api, tenant: Tenant) -> None:
    hold = api.authorise(key="k").json()["id"]
    suspend_organisation(organisation=tenant.organisation, reason="unpaid")
    for key in ("k", "new"):
        refused = api.authorise(key=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "suspended")
    assert api.progress(hold, 1, output=1).json()["reason"] == "suspended"
    assert api.settle(hold, output=1).status_code == 200
