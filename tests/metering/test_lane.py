"""The fast lane gives the very answers of the documented views, and leaves to them what is not plain."""

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from django.core.asgi import get_asgi_application

from metering.lane.door import Lane
from metering.models import Call
from organisations.services import revoke_api_key
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
