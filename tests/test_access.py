"""Walks every route and method with every kind of caller and compares with the matrix."""

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import URLPattern, get_resolver

from common.clock import billing_now
from organisations.services import issue_api_key, revoke_api_key
from tests import cast, database
from tests.access_matrix import ALLOWED, CALLERS, MATRIX, MEMBERS, OUTCOMES, REST, STAFF, Row, outcomes
from tests.api import Api
from tests.factories import Tenant, make_user
from tests.metering.figures import one
from wallets.verification import verify

OTHER = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
CSP = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'")


# --- The cast -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    cheap = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with django_db_blocker.unblock(), cheap:
        cast.fresh()
        cache.clear()
        cast.model_for_all()
        ada, ben = cast.lived_in("ada"), cast.lived_in("ben")
        secrets = _keys(ada, ben)
        people = _people(ada)
        yield SimpleNamespace(people=people, secrets=secrets, things=_things(ada, ben), clients={})
        cast.fresh()


def _people(ada: Tenant) -> dict[str, Any]:
    staff = {role: make_user(f"{role}@platform.example", role) for role in STAFF.split()}
    members = {
        role: make_user(f"{role}s@ada.example", member_of=ada.organisation, as_=role) for role in MEMBERS.split()
    }
    from organisations.models import User

    return {**staff, **members, "stranger": User.objects.get(email="owner@ben.example")}


def _keys(ada: Tenant, ben: Tenant) -> dict[str, str]:
    def key(scopes: list[str], **fields: Any) -> Any:
        bound = {"organisation": ada.organisation, "project": ada.project, "agent": ada.agent}
        return issue_api_key(name="key", scopes=scopes, **bound, **fields)

    expired = key(["calls", "read"], expires_at=billing_now() + timedelta(hours=1))
    database.advance_clock(7200)
    revoked = key(["calls", "read"])
    revoke_api_key(key=revoked.key)
    found = {"calls": key(["calls"]), "read": key(["read"]), "revoked": revoked, "expired": expired}
    return {f"key:{name}": issued.secret for name, issued in found.items()} | {"key:foreign": ben.secret}


def _things(ada: Tenant, ben: Tenant) -> dict[str, Any]:
    """The ids that the paths of the matrix name; everything of Ada's, but for `ben`, who is suspended and resumed."""
    spare = issue_api_key(organisation=ada.organisation, name="spare", scopes=["read"])
    made = cast.finance(ada)
    verify()
    open_calls = {name: Api(ada).authorise(max_output_tokens=10).json()["id"] for name in ("running", "used", "unused")}
    tables = {
        "entry": "organisations_auditentry", "member": "organisations_member", "grant": "wallets_grant",
        "transfer": "wallets_transfer", "record": "metering_usagerecord", "alert": "metering_overrunalert",
        "approval": "organisations_approval",
    }  # fmt: skip
    ids = {n: one(f"SELECT id FROM {t} WHERE organisation_id = %s LIMIT 1", ada.id)[0] for n, t in tables.items()}
    shared = {"run": "wallets_verificationrun", "plan": "plans_plan", "provider": "providers_provider",
              "model": "providers_model", "rate": "providers_rate"}  # fmt: skip
    ids |= {name: one(f"SELECT id FROM {table} LIMIT 1")[0] for name, table in shared.items()}
    settled = one("SELECT id FROM wallets_hold WHERE state = 'settled' AND organisation_id = %s", ada.id)[0]
    person = make_user("person@ada.example")
    for name in ("colleague", "leaver"):
        user = make_user(f"{name}@ada.example", member_of=ada.organisation, as_="viewer")
        ids[name] = one("SELECT id FROM organisations_member WHERE user_id = %s", user.pk)[0]
    return {
        **ids, **made, **open_calls, "settled": settled, "organisation": ada.id, "ben": ben.id,
        "project": ada.project.pk, "agent": ada.agent.pk, "spare_key": spare.key.pk, "person": person.pk,
    }  # fmt: skip


# --- Requests -------------------------------------------------------------------------------------------------------
def ask(world: SimpleNamespace, caller: str, method: str, row: Row) -> Any:
    """One request of this caller; a session is kept between requests unless the row ends it."""
    client = world.clients.get(caller)
    if client is None:
        client = world.clients[caller] = Client(raise_request_exception=False)
        if caller in world.people:
            client.force_login(world.people[caller])
    if row.signs_out and method == "POST":
        del world.clients[caller]
    path = "/" + row.path.format(**world.things)
    headers = {"Idempotency-Key": path}
    if caller in world.secrets:
        headers["Authorization"] = f"Bearer {world.secrets[caller]}"
    if path.startswith("/api/"):
        return client.generic(method, path, json.dumps(row.data or {}), "application/json", headers=headers)
    if method == "POST":
        return client.post(path, _fresh(row.data or {}), headers=headers)
    return client.generic(method, path, headers=headers)


def _fresh(data: dict[str, Any]) -> dict[str, Any]:
    return {name: v.replace("{new}", str(uuid.uuid4())) if isinstance(v, str) else v for name, v in data.items()}


def differs(answer: Any, outcome: str) -> str:
    """Why an answer is not the outcome; "" where it is."""
    statuses, leads = OUTCOMES[outcome]
    if answer.status_code not in statuses:
        return f"wanted {outcome}, got {answer.status_code}"
    target = answer.headers.get("Location", "")
    if leads is not None:
        to_sign_in = target.startswith(("/accounts/login/", "/admin/login/"))
        if bool(leads) != to_sign_in:
            return f"wanted {outcome}, was sent to {target}"
    if outcome == "scope" and answer.json()["code"] != "missing_scope":
        return f"wanted scope, got {answer.json()['code']}"
    policy = answer.headers.get("Content-Security-Policy", "")
    if missing := [part for part in CSP if part not in policy] + (["no unsafe"] if "unsafe" in policy else []):
        return f"Content-Security-Policy lacks {missing}"
    return ""


FEW = ("anonymous", "superuser", "support", "owner", "key:calls")  # for methods that no page means


def walk(world: SimpleNamespace, row: Row) -> list[str]:
    """What is not as the row says. First everything that may change nothing, then the POSTs that may."""
    posts = outcomes(row.post)
    may = [caller for caller in CALLERS if posts[caller] in ALLOWED]
    harmless = [("GET", caller, outcome) for caller, outcome in outcomes(row.get).items()]
    harmless += [(method, caller, outcomes(row.other)[caller]) for method in OTHER for caller in FEW]
    harmless += [("POST", caller, posts[caller]) for caller in CALLERS if caller not in may]
    before = cast.contents()
    wrong = [told for step in harmless if (told := _step(world, row, *step))]
    if cast.contents() != before:
        wrong.append("a request that may not change anything has changed something")
    return wrong + [told for caller in may if (told := _step(world, row, "POST", caller, posts[caller]))]


def _step(world: SimpleNamespace, row: Row, method: str, caller: str, outcome: str) -> str:
    why = differs(ask(world, caller, method, row), outcome)
    return why and f"{method} {caller}: {why}"


# --- Tests ----------------------------------------------------------------------------------------------------------
def routes(patterns: list[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield here
        else:
            yield from routes(pattern.url_patterns, here)


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    found = list(routes(get_resolver().url_patterns))
    assert sorted(found) == sorted(MATRIX)


@pytest.mark.parametrize("row", MATRIX.values(), ids=MATRIX)
def test_every_rule_speaks_of_every_caller_once(row: Row) -> None:
    for rule in (row.get, row.post, row.other):
        named = [caller for group in rule if group != REST for caller in group.split()]
        assert len(named) == len(set(named))
        assert set(named) <= set(CALLERS)
        assert REST in rule or set(named) == set(CALLERS)
        assert set(rule.values()) <= set(OUTCOMES)


@pytest.mark.parametrize("row", MATRIX.values(), ids=MATRIX)
def test_a_route_answers_every_caller_as_the_matrix_says(world: SimpleNamespace, row: Row) -> None:
    assert walk(world, row) == []
