"""Customers' own API keys: for reading, shown once, one a form, revoked at once."""

import re
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client

from common.clock import billing_now
from organisations.errors import FormSentBefore
from organisations.models import User
from organisations.services import issue_api_key, revoke_api_key
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import one, rows_of, verified

PAGE = "/o/ada/keys/"


@pytest.fixture
def owning(client_for: Callable[[User | None], Client], owner: User) -> Client:
    return client_for(owner)


def form(**fields: str) -> dict[str, str]:
    return {"form_id": str(uuid.uuid4()), "name": "dashboard", "days": "30", **fields}


def secret_of(answer: object) -> str:
    return re.search(r'<output[^>]*id="secret">(tb_\w{12}_[\w-]{43})<', unescape(answer.content.decode()))[1]  # type: ignore[attr-defined,index]


def balance(secret: str) -> int:
    return Client().get("/api/v1/balance", headers={"Authorization": f"Bearer {secret}"}).status_code


def test_a_key_reads_and_does_nothing_else(owning: Client, tenant: Tenant) -> None:
    make_model({"input": "1", "output": "1"})
    answer = owning.post(f"{PAGE}issue/", form())
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    secret = secret_of(answer)
    assert balance(secret) == 200
    tenant.secret = secret
    refused = Api(tenant).authorise(input_tokens=1)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    verified()


def test_no_other_scope_can_be_smuggled_in(owning: Client) -> None:
    owning.post(f"{PAGE}issue/", form(scopes="calls", project="1", agent="1", expires_at="2030-01-01"))
    assert one("SELECT scopes, project_id FROM organisations_apikey WHERE name = 'dashboard'") == (["read"], None)


def test_the_secret_is_on_one_page_once(owning: Client) -> None:
    secret = secret_of(owning.post(f"{PAGE}issue/", form()))
    key = one("SELECT id FROM organisations_apikey WHERE name = 'dashboard'")[0]
    later = [owning.get(path).content.decode() for path in (PAGE, f"{PAGE}{key}/revoke/", f"{PAGE}issue/", "/o/ada/")]
    assert secret[:15] in later[0]
    assert not any(secret[16:] in page for page in later)
    assert secret[16:] not in str(rows_of("SELECT * FROM organisations_apikey")) + str(
        rows_of("SELECT * FROM organisations_auditentry")
    )


def test_a_form_sent_twice_makes_one_key_and_says_so(owning: Client) -> None:
    sent = form()
    first, again = owning.post(f"{PAGE}issue/", sent), owning.post(f"{PAGE}issue/", sent)
    assert again.status_code == 422
    secret = secret_of(first)
    assert secret[:15] in again.content.decode()
    assert secret[16:] not in again.content.decode()
    assert one("SELECT count(*) FROM organisations_apikey WHERE name = 'dashboard'") == (1,)
    assert owning.post(f"{PAGE}issue/", form()).status_code == 201


def test_a_double_click_at_the_same_moment_makes_one_key(tenant: Tenant) -> None:
    sent, start = uuid.uuid4(), threading.Barrier(2)
    outcomes: list[str] = []

    def act() -> None:
        start.wait()
        try:
            issue_api_key(organisation=tenant.organisation, name="n", scopes=["read"], form_id=sent)
            outcomes.append("issued")
        except FormSentBefore:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(outcomes) == ["issued", "refused"]


def test_a_forms_id_counts_within_its_organisation_only(tenant: Tenant) -> None:
    sent = uuid.uuid4()
    issued = [
        issue_api_key(organisation=t.organisation, name="n", scopes=["read"], form_id=sent)
        for t in (tenant, make_tenant("ben"))
    ]
    assert len({i.key.prefix for i in issued}) == 2
    assert all(re.fullmatch(r"tb_[a-z0-9]{12}_[\w-]{43}", i.secret) for i in issued)


@pytest.mark.parametrize(("days", "ends"), [("30", timedelta(days=30)), ("365", timedelta(days=365)), ("", None)])
def test_a_key_ends_as_chosen(owning: Client, days: str, ends: timedelta | None) -> None:
    owning.post(f"{PAGE}issue/", form(days=days))
    at = one("SELECT expires_at FROM organisations_apikey WHERE name = 'dashboard'")[0]
    assert (at is None) if ends is None else (abs(at - billing_now() - ends) < timedelta(minutes=1))


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": "x" * 101}, {"days": "-1"}, {"days": "31"}, {"form_id": "x"}]
)
def test_a_bad_form_makes_no_key(owning: Client, fields: dict[str, str]) -> None:
    assert owning.post(f"{PAGE}issue/", form(**fields)).status_code == 422
    assert one("SELECT count(*) FROM organisations_apikey") == (1,)  # the runtime's own


def test_revoking_asks_first_then_holds_at_once(owning: Client, owner: User) -> None:
    secret = secret_of(owning.post(f"{PAGE}issue/", form()))
    address = f"{PAGE}{one('SELECT max(id) FROM organisations_apikey')[0]}/revoke/"
    assert "Revoke dashboard?" in owning.get(address).content.decode()
    assert balance(secret) == 200
    assert owning.post(address)["Location"] == PAGE
    assert balance(secret) == 401
    assert owning.post(address).status_code == 302  # again changes nothing
    assert rows_of(
        "SELECT action, actor FROM organisations_auditentry WHERE \"table\" = 'organisations_apikey'"
        " AND coalesce(after, before) ->> 'revoked_at' IS NOT NULL"
    ) == [("update", f"user:{owner.pk}")]


def test_a_runtime_key_can_be_revoked_and_the_page_says_what_that_stops(owning: Client, tenant: Tenant) -> None:
    page = owning.get(f"{PAGE}{tenant.key.pk}/revoke/").content.decode()
    assert "Agents start no more calls" in page
    owning.post(f"{PAGE}{tenant.key.pk}/revoke/")
    assert balance(tenant.secret) == 401


def test_the_list_says_what_state_each_key_is_in(owning: Client, tenant: Tenant) -> None:
    revoke_api_key(key=issue_api_key(organisation=tenant.organisation, name="dead", scopes=["read"]).key)
    page = owning.get(PAGE).content.decode()
    rows = {row[1]: row[0] for row in re.findall(r"(<tr><th scope=\"row\">(\w+)</th>.*?</tr>)", page, re.S)}
    assert "In force" in rows["key"]
    assert "Main, Agent" in rows["key"]
    assert "calls, read" in rows["key"]
    assert "Revoked" in rows["dead"]
    assert "revoke/" not in rows["dead"]
    assert list(rows) == ["key", "dead"]  # those in force first


def test_keys_of_others_do_not_exist_here(owning: Client) -> None:
    ben = make_tenant("ben")
    for method in (owning.get, owning.post):
        assert method(f"{PAGE}{ben.key.pk}/revoke/").status_code == 404
    assert balance(ben.secret) == 200
    assert ben.key.prefix not in owning.get(PAGE).content.decode()


@pytest.mark.parametrize("role", ["billing", "developer", "viewer"])
def test_others_are_told_that_it_is_not_theirs(
    client_for: Callable[[User | None], Client], tenant: Tenant, role: str
) -> None:
    client = client_for(make_user("reader@ada.example", member_of=tenant.organisation, as_=role))
    answer = client.get(PAGE)
    assert answer.status_code == 403
    assert "your role" in answer.content.decode()
    assert PAGE not in client.get("/o/ada/").content.decode()  # nor is it offered
