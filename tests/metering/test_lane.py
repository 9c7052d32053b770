"""The fast lane gives the very answers of the documented views, and leaves to them what is not plain."""

import asyncio
import itertools
import json
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest
from django.core.asgi import get_asgi_application

from metering.lane.door import Lane
from organisations.services import issue_api_key
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, verified

keys = itertools.count()


@pytest.fixture(autouse=True)
def model(transactional_db: None) -> object:
    return make_model({"input": "10", "output": "20"})


class Door:
    """The lane in front of Django, in this process; `elsewhere` counts what it did not answer itself."""

    def __init__(self, tenant: Tenant) -> None:
        self.elsewhere = 0
        self._tenant = tenant
        self._django = get_asgi_application()
        self._lane = Lane(self._counted)

    async def _counted(self, scope: Any, receive: Any, send: Any) -> None:
        self.elsewhere += 1
        await self._django(scope, receive, send)

    async def post(self, path: str, body: Any, *, key: str | None = "", **headers: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._tenant.secret}", "Content-Type": "application/json", **headers}
        if key is not None:
            headers["Idempotency-Key"] = key or f"k{next(keys)}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        transport = httpx.ASGITransport(app=self._lane)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.post(f"/api/v1/{path}", content=content, headers=headers)


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


BODY = {"provider": "test", "model": "model", "input_tokens": 100, "max_output_tokens": 10}


def test_a_call_from_its_beginning_to_its_end(api: Api, tenant: Tenant) -> None:
    api.release(api.authorise(**{k: BODY[k] for k in ("input_tokens", "max_output_tokens")}).json()["id"])  # warm
    door = Door(tenant)

    async def work() -> None:
        opened = (await door.post("authorisations", BODY)).json()
        told = await door.post(f"authorisations/{opened['id']}/progress", {"seq": 1, "usage": {"output": 3}}, key=None)
        assert told.json()["decision"] == "continue"
        settled = await door.post(f"authorisations/{opened['id']}/settle", {"usage": {"input": 90, "output": 5}})
        assert settled.json()["charged"] == "0.001000000"
        other = (await door.post("authorisations", BODY)).json()
        released = await door.post(f"authorisations/{other['id']}/release", {})
        assert released.json()["state"] == "released"

    run(work)
    assert door.elsewhere == 0
    verified()


def bodies_agree(lane: httpx.Response, view: Any) -> None:
    assert (lane.status_code, lane.content) == (view.status_code, view.content)
    assert lane.headers["content-type"] == view.headers["Content-Type"]
    assert lane.headers.get("retry-after") == view.headers.get("Retry-After")


# What each body is answered by the lane first and, repeated with the same key, by the view: the very same bytes.
DEAR = {"input_tokens": 0, "max_output_tokens": 500_000, "min_output_tokens": 500_000}  # $10
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "held": ({}, 201),
    "clamped": ({"max_output_tokens": 1_000_000_000}, 201),
    "refused by the wallet": (DEAR, 402),
    "unknown model": ({"model": "another"}, 422),
    "a field too much": ({"more": 1}, 422),
    "not a number": ({"input_tokens": "5"}, 422),
    "an unknown name": ({"agent": "nobody"}, 403),
}  # fmt: skip


@pytest.fixture
def warm(api: Api) -> None:
    """What the lane remembers is looked up by the view first."""
    hold = api.authorise(input_tokens=1, max_output_tokens=1).json()["id"]
    api.settle(hold, input=1)


@pytest.mark.parametrize("case", CASES)
def test_both_doors_answer_an_authorise_alike(case: str, warm: None, api: Api, tenant: Tenant) -> None:
    fields, status = CASES[case]
    if status == 402:
        assert [api.authorise(**DEAR).status_code for _ in range(10)].count(201) == 9
    door = Door(tenant)
    first = run(lambda: door.post("authorisations", BODY | fields, key="same"))
    assert first.status_code == status
    assert door.elsewhere == (0 if status in (201, 402) else 1)
    bodies_agree(first, api.send("POST", "authorisations", BODY | fields, key="same"))
    verified()


REPORTS: dict[str, dict[str, Any]] = {
    "leaves": {"usage": {"input": 90, "output": 5}, "status": "cancelled"},
    "nothing used": {"usage": {"input": 0}},
    "more than held": {"usage": {"output": 6_000_000}},
    "another model and tier": {"usage": {"input": 5}, "model": "other", "service_tier": "batch"},
    "not priced": {"usage": {"input": 5, "web_search": 2}},
}


@pytest.mark.parametrize("case", REPORTS)
def test_both_doors_answer_a_settlement_alike(case: str, warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)
    path = f"authorisations/{api.authorise(input_tokens=100, max_output_tokens=10, run='r').json()['id']}/settle"
    first = run(lambda: door.post(path, REPORTS[case], key="same"))
    assert (first.status_code, door.elsewhere) == (200, 0)
    assert first.json()["agrees"] is True
    bodies_agree(first, api.send("POST", path, REPORTS[case], key="same"))
    verified()


def test_what_has_ended_is_answered_by_the_view(warm: None, api: Api, tenant: Tenant) -> None:
    hold = api.authorise(input_tokens=1, max_output_tokens=1).json()["id"]
    api.release(hold)
    door = Door(tenant)
    for action, body in (
        ("settle", {"usage": {"input": 1}}),
        ("release", {}),
        ("progress", {"seq": 1, "usage": {"input": 1}}),
    ):
        path = f"authorisations/{hold}/{action}"
        first = run(lambda p=path, b=body: door.post(p, b, key="x" if "progress" not in p else None))
        bodies_agree(first, api.send("POST", path, body, key="x"))
    assert door.elsewhere == 3


def test_another_body_under_the_same_key_is_refused(warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)
    run(lambda: door.post("authorisations", BODY, key="same"))
    other = run(lambda: door.post("authorisations", BODY | {"input_tokens": 7}, key="same"))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert one("SELECT count(*) FROM wallets_hold WHERE state = 'open'") == (1,)


def test_a_revoked_key_opens_nothing_although_the_lane_remembers_it(warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)
    with database.owner() as connection:  # nobody told this process
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE organisations_apikey SET revoked_at = now() WHERE id = %s", [tenant.key.pk])
    refused = run(lambda: door.post("authorisations", BODY))
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


def test_a_key_that_has_ended_ends_no_call_of_another_although_the_lane_remembers_it(
    warm: None, api: Api, tenant: Tenant
) -> None:
    own = {"organisation": tenant.organisation, "project": tenant.project, "agent": tenant.agent}
    other = issue_api_key(name="other", scopes=["calls"], **own)
    another = Api(replace(tenant, key=other.key, secret=other.secret))
    hold = another.authorise(input_tokens=1, max_output_tokens=1).json()["id"]
    door = Door(tenant)
    with database.owner() as connection:  # nobody told this process
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE organisations_apikey SET revoked_at = now() WHERE id = %s", [tenant.key.pk])
    refused = run(lambda: door.post(f"authorisations/{hold}/release", {}))
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert one("SELECT state FROM wallets_hold WHERE id = %s", hold) == ("open",)


def test_a_price_that_changed_is_the_one_charged_although_the_lane_remembers_the_old(
    warm: None, api: Api, tenant: Tenant
) -> None:
    door = Door(tenant)
    assert run(lambda: door.post("authorisations", BODY)).json()["held"] == "0.001200000"
    with database.owner() as connection:
        connection.execute("UPDATE providers_rate SET price = price * 2")
    assert run(lambda: door.post("authorisations", BODY)).json()["held"] == "0.002400000"
    assert door.elsewhere == 1
    assert run(lambda: door.post("authorisations", BODY)).json()["held"] == "0.002400000"
    assert door.elsewhere == 1  # remembered anew


def test_many_at_once_share_few_commits_and_hold_exactly_what_is_there(warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)
    before = one("SELECT balance - held FROM wallets_wallet WHERE organisation_id = %s", tenant.id)[0]

    async def work() -> list[int]:
        answers = await asyncio.gather(*(door.post("authorisations", BODY | DEAR) for _ in range(30)))
        return sorted(answer.status_code for answer in answers)

    assert run(work) == [201] * int(before // 10) + [402] * (30 - int(before // 10))
    assert one("SELECT count(DISTINCT authorised_at) < 10 FROM wallets_hold WHERE state = 'open'") == (True,)
    verified()


def test_one_key_at_once_acts_once(warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)

    async def work() -> list[bytes]:
        answers = await asyncio.gather(*(door.post("authorisations", BODY, key="same") for _ in range(20)))
        return [answer.content for answer in answers]

    assert len(set(run(work))) == 1
    assert one("SELECT count(*) FROM wallets_hold WHERE state = 'open'") == (1,)
    verified()


def test_a_caller_who_hangs_up_is_carried_out_all_the_same(warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)

    async def work() -> None:
        task = asyncio.ensure_future(door.post("authorisations", BODY, key="gone"))
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await door.post("authorisations", BODY)).status_code == 201
        again = await door.post("authorisations", BODY, key="gone")
        assert again.status_code == 201

    run(work)
    assert one("SELECT count(*) FROM wallets_hold WHERE state = 'open'") == (2,)


def test_a_lost_connection_is_replaced_once(warm: None, api: Api, tenant: Tenant) -> None:
    door = Door(tenant)

    async def work() -> list[int]:
        first = await door.post("authorisations", BODY)
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE %s"
            connection.execute(killed, ["%lane"])
        return [first.status_code, (await door.post("authorisations", BODY)).status_code]

    assert run(work) == [201, 201]
    assert door.elsewhere == 0
