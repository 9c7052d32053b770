"""API keys: shown once, kept as an HMAC, bound, limited in time, revoked at once."""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client

from common.clock import billing_now
from common.tenancy import platform, tenant
from common.valkey import quick
from organisations import last_used
from organisations.models import ApiKey
from organisations.services import create_agent, create_project, issue_api_key, revoke_api_key
from organisations.tasks import write_last_used
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant
from tests.metering.figures import one, rows_of


@pytest.fixture
def no_notes() -> None:
    """What keys of earlier tests left in Valkey."""
    redis.Redis.from_url(settings.REDIS_URL).flushdb()


def _read_key(tenant: Tenant, **fields: Any) -> str:
    issued = issue_api_key(organisation=tenant.organisation, name="reader", scopes=["read"], **fields)
    return issued.secret


def _gateway(tenant: Tenant) -> Api:
    """A key that may name other projects and agents."""
    bound = {"project": tenant.project, "agent": tenant.agent}
    scopes = ["calls", "act_for"]
    return Api(
        None, secret=issue_api_key(organisation=tenant.organisation, name="gateway", scopes=scopes, **bound).secret
    )


def test_a_secret_has_one_form_and_256_bits_and_only_its_hmac_is_kept(tenant: Tenant) -> None:
    match = re.fullmatch(r"tb_([a-z0-9]{12})_([A-Za-z0-9_-]{43})", tenant.secret)
    assert match
    [(prefix, digest)] = rows_of("SELECT prefix, digest FROM organisations_apikey")
    assert prefix == match[1]
    assert digest == hmac.digest(settings.API_KEY_HMAC_KEY.encode(), match[2].encode(), hashlib.sha256)
    assert len({_read_key(tenant)[16:] for _ in range(20)}) == 20


def test_no_column_of_the_database_holds_a_secret(tenant: Tenant) -> None:
    Api(tenant).get("balance")
    tables = [
        t
        for (t,) in rows_of(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    ]
    for table in tables:
        found = rows_of(f'SELECT 1 FROM "{table}" t WHERE to_jsonb(t)::text LIKE %s', f"%{tenant.secret[16:]}%")
        assert found == [], table


def test_a_key_is_found_by_prefix_and_proved_by_the_rest(tenant: Tenant) -> None:
    other = _read_key(tenant)
    mixed = tenant.secret[:16] + other[16:]
    assert Api(None, secret=tenant.secret).get("balance").status_code == 200
    assert Api(None, secret=mixed).get("balance").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-1], lambda s: s + "A", lambda s: s.upper(), lambda s: " " + s, lambda s: s + " x",
        lambda s: s.replace("tb_", "sk_"), lambda s: s.replace("_", "-", 1), lambda s: "", lambda s: "tb_",
        lambda s: s[:-1] + "é", lambda s: s[:-1] + ("A" if s[-1] != "A" else "B"),
    ],
)  # fmt: skip
def test_anything_but_the_exact_secret_is_refused(tenant: Tenant, change: Callable[[str], str]) -> None:
    answer = Api(None, secret=change(tenant.secret)).get("balance")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert tenant.secret not in answer.content.decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_case_does_not_matter(tenant: Tenant, scheme: str) -> None:
    """RFC 9110, section 11.1."""
    answer = Client().get("/api/v1/balance", headers={"Authorization": f"{scheme} {tenant.secret}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["Basic {}", "{}", "Bearer", "Bearer  {}", "Token {}"])
def test_only_the_bearer_scheme_is_taken(tenant: Tenant, header: str) -> None:
    answer = Client().get("/api/v1/balance", headers={"Authorization": header.format(tenant.secret)})
    assert answer.status_code == 401


def test_a_key_in_the_address_is_no_key(tenant: Tenant) -> None:
    assert Client().get(f"/api/v1/balance?key={tenant.secret}&Authorization=Bearer {tenant.secret}").status_code == 401


def test_a_key_ends_at_its_expiry(tenant: Tenant) -> None:
    secret = _read_key(tenant, expires_at=billing_now() + timedelta(hours=1))
    assert Api(None, secret=secret).get("balance").status_code == 200
    database.advance_clock(3601)
    assert Api(None, secret=secret).get("balance").status_code == 401
    assert Api(tenant).get("balance").status_code == 200


def test_a_key_is_not_issued_already_expired(tenant: Tenant) -> None:
    with pytest.raises(ValidationError, match="already have expired"):
        _read_key(tenant, expires_at=billing_now() - timedelta(seconds=1))


def test_revoking_holds_from_the_next_request_on_and_happens_once(tenant: Tenant, finance: Any, superuser: Any) -> None:
    api = Api(tenant)
    assert api.get("balance").status_code == 200
    revoked = revoke_api_key(key=tenant.key, by=finance)
    assert api.get("balance").status_code == 401
    first = revoked.revoked_at
    again = revoke_api_key(key=tenant.key, by=superuser)
    assert (again.revoked_at, again.revoked_by_id) == (first, finance.pk)


def test_scopes_are_what_the_key_may_do(tenant: Tenant) -> None:
    make_model({"input": "1", "output": "1"})
    calls = issue_api_key(
        organisation=tenant.organisation, name="calls", scopes=["calls"], project=tenant.project, agent=tenant.agent
    )
    report = issue_api_key(organisation=tenant.organisation, name="report", scopes=["usage:report"])
    reader = Api(None, secret=_read_key(tenant))
    assert reader.get("balance").status_code == 200
    refused = reader.authorise()
    assert (refused.status_code, refused.json()["scope"]) == (403, "calls")
    assert Api(None, secret=calls.secret).authorise().status_code == 201
    assert Api(None, secret=report.secret).get("balance").status_code == 403


def test_a_key_for_calls_needs_a_project_and_an_agent(tenant: Tenant) -> None:
    with pytest.raises((ValidationError, IntegrityError), match="api_key_for_calls_is_bound"):
        issue_api_key(organisation=tenant.organisation, name="loose", scopes=["calls"], project=tenant.project)


@pytest.mark.parametrize("scopes", [["everything"], ["calls", "*"], [""]])
def test_unknown_scopes_are_refused(tenant: Tenant, scopes: list[str]) -> None:
    with pytest.raises(ValidationError):
        issue_api_key(
            organisation=tenant.organisation, name="key", scopes=scopes, project=tenant.project, agent=tenant.agent
        )


def test_a_key_is_never_bound_to_another_tenant(tenant: Tenant) -> None:
    ben = make_tenant("ben")
    for project, agent in ((ben.project, ben.agent), (tenant.project, ben.agent)):
        with pytest.raises((ValidationError, IntegrityError)):
            issue_api_key(organisation=tenant.organisation, name="key", scopes=["calls"], project=project, agent=agent)
    second = create_project(organisation=tenant.organisation, name="Second", slug="second")
    with pytest.raises(IntegrityError, match="is not of project"):
        issue_api_key(
            organisation=tenant.organisation, name="key", scopes=["calls"], project=second, agent=tenant.agent
        )
    with platform("write"), pytest.raises(IntegrityError, match="is not of organisation"):
        ApiKey.objects.create(
            organisation=tenant.organisation, project=ben.project, name="forced", prefix="x" * 12, digest=b"", scopes=[]
        )


def test_only_act_for_names_another_project_or_agent(tenant: Tenant) -> None:
    make_model({"input": "1", "output": "1"})
    second = create_project(organisation=tenant.organisation, name="Second", slug="second")
    create_agent(project=second, name="Other", slug="other")
    named = {"project": "second", "agent": "other"}
    plain = Api(tenant).authorise(**named)
    assert (plain.status_code, plain.json()["scope"]) == (403, "act_for")
    # Naming what the key is bound to anyway needs nothing.
    assert Api(tenant).authorise(project="main", agent="agent").status_code == 201
    gateway = _gateway(tenant)
    assert gateway.authorise(**named).status_code == 201
    assert one("SELECT project_id FROM metering_call ORDER BY api_key_id DESC, project_id DESC LIMIT 1") == (second.pk,)
    for unknown in ({"project": "second"}, {"agent": "nobody"}, {"project": "none", "agent": "none"}):
        refused = gateway.authorise(**unknown)
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_name")


def test_act_for_does_not_reach_another_tenant(tenant: Tenant) -> None:
    make_model({"input": "1", "output": "1"})
    ben = make_tenant("ben", credits="5")
    there = create_project(organisation=ben.organisation, name="There", slug="there")
    create_agent(project=there, name="Theirs", slug="theirs")
    gateway = _gateway(tenant)
    assert gateway.authorise(project="there", agent="theirs").status_code == 422
    hold = Api(ben).authorise().json()["id"]
    assert gateway.settle(hold, output=1).status_code == 404


def test_another_key_ends_a_call_of_the_same_agent_or_with_act_for_only(tenant: Tenant) -> None:
    make_model({"input": "1", "output": "1"})
    second = create_agent(project=tenant.project, name="Second", slug="second")

    def key(agent: Any, *scopes: str) -> Api:
        issued = issue_api_key(
            organisation=tenant.organisation, name="key", scopes=["calls", *scopes], project=tenant.project, agent=agent
        )
        return Api(None, secret=issued.secret)

    for other, status in ((key(tenant.agent), 200), (key(second), 404), (key(second, "act_for"), 200)):
        hold = Api(tenant).authorise().json()["id"]
        assert other.progress(hold, 1, output=1).status_code == status
        assert other.settle(hold, output=1).status_code == status


@pytest.mark.usefixtures("no_notes")
def test_the_task_writes_when_a_key_was_last_used(tenant: Tenant) -> None:
    before = billing_now().replace(microsecond=0)
    Api(tenant).get("balance")
    assert one("SELECT last_used_at FROM organisations_apikey WHERE id = %s", tenant.key.pk) == (None,)
    write_last_used()
    [written] = one("SELECT last_used_at FROM organisations_apikey WHERE id = %s", tenant.key.pk)
    assert before <= written <= billing_now()
    assert one("SELECT count(*) FROM organisations_auditentry WHERE after ? 'last_used_at'") == (0,)
    assert last_used.write() == 0


@pytest.mark.usefixtures("no_notes")
def test_a_refused_key_is_not_noted_as_used(tenant: Tenant) -> None:
    Api(None, secret=tenant.secret[:-1] + "!").get("balance")
    assert last_used.write() == 0


def test_without_valkey_calls_go_on(tenant: Tenant, settings: Any) -> None:
    quick.cache_clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    try:
        assert Api(tenant).get("balance").status_code == 200
        give(tenant.organisation, "1")  # tells open pages after its commit
    finally:
        quick.cache_clear()


def test_prefixes_are_unique(tenant: Tenant) -> None:
    with tenant_of(tenant), pytest.raises(IntegrityError, match="api_key_prefix_once"):
        ApiKey.objects.create(
            organisation=tenant.organisation, name="twin", prefix=tenant.key.prefix, digest=b"", scopes=["read"]
        )


def tenant_of(owned: Tenant) -> Any:
    return tenant(owned.id)
