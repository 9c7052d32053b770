"""The live stream over a real web process: all parts on connecting, then changes; doors, pool and lost notes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from django.test import Client

from common.tenancy import tenant as tenant_scope
from organisations import team
from organisations.models import Member, User
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant, make_user
from tests.metering.figures import one

PARTS = {"banner", "pill", "asof", "wallet", "figures", "curve", "models", "feed"}


class Stream:
    """An open stream; events are collected by a thread."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.events: list[tuple[str, str]] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        name, data = "", []
        try:
            for line in self.response.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
                elif not line and name:
                    self.events.append((name, "\n".join(data)))
                    name, data = "", []
        except httpx.HTTPError:
            pass
        self.ended.set()

    def wait_for(self, part: str, text: str, seconds: float = 20) -> str:
        """The first message of `part` that contains `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, data in list(self.events):
                if name == part and text in data:
                    return data
            time.sleep(0.05)
        raise AssertionError(f"no {part} with {text!r} in {[(n, d[:80]) for n, d in self.events]}")


@contextmanager
def watching(server: str, user: User, slug: str = "ada") -> Iterator[Stream]:
    client = Client()
    client.force_login(user)
    cookies = {"sessionid": client.cookies["sessionid"].value}
    with (
        httpx.Client(base_url=server, cookies=cookies, timeout=60) as http,
        http.stream("GET", f"/o/{slug}/live/stream") as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield Stream(response)


def test_it_sends_everything_once_and_then_what_changes(server: str, tenant: Tenant, owner: User) -> None:
    make_model({"input": "10", "output": "20"})
    agent = Api(tenant, server)
    with watching(server, owner) as stream:
        stream.wait_for("feed", "Credits added")
        assert {name for name, _ in stream.events} == PARTS
        hold = agent.authorise(input_tokens=100_000, max_output_tokens=100).json()["id"]
        stream.wait_for("feed", "Held for")
        agent.settle(hold, input=100_000)
        assert "$99" in stream.wait_for("wallet", 'title="99.000000000 USD"')
        stream.wait_for("models", "100,000")
        assert 'hx-swap-oob="true"' in stream.wait_for("pill", "99.000000000")
        give(tenant.organisation, "11")
        stream.wait_for("wallet", 'title="110.000000000 USD"')


def test_at_most_two_updates_a_second_however_much_happens(server: str, tenant: Tenant, owner: User) -> None:
    make_model({"input": "10", "output": "20"})
    agent = Api(tenant, server)
    with watching(server, owner) as stream:
        stream.wait_for("feed", "Credits added")
        before, begun = len([n for n, _ in stream.events if n == "asof"]), time.monotonic()
        for _ in range(30):
            agent.authorise(input_tokens=100, max_output_tokens=10)
        stream.wait_for("feed", "Held for")
        took = time.monotonic() - begun
        assert len([n for n, _ in stream.events if n == "asof"]) - before <= 2 * took + 2


def test_the_banner_comes_at_zero_and_goes_with_credits(server: str, tenant: Tenant, owner: User) -> None:
    make_model({"input": "10", "output": "20"})
    agent = Api(tenant, server)
    with watching(server, owner) as stream:
        assert "Stopped" not in stream.wait_for("banner", 'id="banner"')
        while (call := agent.authorise(input_tokens=100, max_output_tokens=1_000_000)).status_code == 201:
            agent.settle(call.json()["id"], input=100, output=call.json()["max_output_tokens"])
        stream.wait_for("banner", "Stopped at zero since")
        seen = len(stream.events)
        give(tenant.organisation, "50")
        deadline = time.monotonic() + 15
        while not any(n == "banner" and "Stopped" not in d for n, d in stream.events[seen:]):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_who_is_no_member_any_more_is_sent_away(server: str, tenant: Tenant, owner: User) -> None:
    leaver = make_user("leaver@ada.example", member_of=tenant.organisation, as_="viewer")
    with watching(server, leaver) as stream:
        stream.wait_for("feed", "Credits added")
        with tenant_scope(tenant.id):
            by, gone = (Member.objects.select_related("organisation").get(user=user) for user in (owner, leaver))
        team.remove(by=by, member_id=gone.pk)
        assert stream.ended.wait(10)
    client = Client()
    client.force_login(leaver)
    assert client.get("/o/ada/live/stream").status_code == 404


def test_open_streams_keep_no_connection_to_the_database(server: str, tenant: Tenant, owner: User) -> None:
    def connections() -> int:
        found = one("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'billing_portal'")
        return int(found[0])

    streams: list[Any] = [watching(server, owner) for _ in range(40)]
    opened = [stream.__enter__() for stream in streams]
    try:
        for stream in opened:
            stream.wait_for("feed", "Credits added")
        # The pool of the web process holds 8 at most; this process has its own.
        assert connections() <= 12
        assert httpx.get(f"{server}/livez", timeout=5).status_code == 200
        assert Api(tenant, server).get("balance").status_code == 200
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_nobody_else_may_listen(server: str, tenant: Tenant, who: str, client_for: Any) -> None:
    other = make_user("o@ben.example", member_of=make_tenant("ben").organisation) if who == "stranger" else None
    answer = client_for(other).get("/o/ada/live/stream")
    assert answer.status_code == (404 if other else 302)
