"""The switches of a sandbox's agents: who may use them, what they write down, what a reset leaves."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.test import Client

from analytics import simulation
from common.tenancy import tenant as scope
from common.valkey import quick
from organisations.models import Member
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import verified, wallet

ACT, LIVE = "/o/sim/live/simulation", "/o/sim/live/"


@pytest.fixture(autouse=True)
def _cheap_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def sandbox(transactional_db: None) -> Iterator[Tenant]:
    make_model({"input": "10", "output": "20"})
    made = make_tenant("sim", sandbox=True)
    _forget(made)
    yield made
    _forget(made)


@pytest.fixture
def client(sandbox: Tenant, client_for: Any) -> Client:
    return client_for(make_user("dev@sim.example", member_of=sandbox.organisation, as_="developer"))


def _forget(sandbox: Tenant) -> None:
    quick().delete(f"simulation:{sandbox.id}", f"simulation:{sandbox.id}:process")


def wishes(sandbox: Tenant) -> dict[str, str]:
    """What the agents' process would read."""
    return {k.decode(): v.decode() for k, v in quick().hgetall(f"simulation:{sandbox.id}").items()}


def process_says(sandbox: Tenant, revision: int) -> None:
    quick().hset(f"simulation:{sandbox.id}:process", "revision", str(revision))


def seen(sandbox: Tenant) -> simulation.State:
    found = simulation.state(sandbox.organisation)
    assert found is not None
    return found


def test_agents_of_whom_nobody_has_said_anything_stand_still(sandbox: Tenant) -> None:
    assert seen(sandbox) == simulation.State(running=False, speed=1, alive=False)


def test_they_are_introduced_running_slowly_and_only_once(sandbox: Tenant) -> None:
    simulation.introduce(sandbox.organisation)
    assert (seen(sandbox).running, seen(sandbox).speed) == (True, 1)
    simulation.set_speed(sandbox.organisation, 60)
    simulation.pause(sandbox.organisation)
    simulation.introduce(sandbox.organisation)
    assert (seen(sandbox).running, seen(sandbox).speed) == (False, 60)


def test_each_button_writes_down_what_it_says(sandbox: Tenant, client: Client) -> None:
    notes = quick().pubsub()
    notes.subscribe(f"simulation:{sandbox.id}")
    for data, kept in (
        ({"act": "start"}, ("1", None)),
        ({"act": "speed", "speed": "10"}, ("1", "10")),
        ({"act": "pause"}, ("0", "10")),
        ({"act": "start"}, ("1", "10")),
    ):
        answer = client.post(ACT, data)
        assert (answer.status_code, answer.headers["Location"]) == (303, LIVE)
        assert (wishes(sandbox)["running"], wishes(sandbox).get("speed")) == kept
    assert wishes(sandbox)["revision"] == "4"
    heard = [notes.get_message(timeout=1) for _ in range(5)]
    assert [note["data"] for note in heard if note] == [1, *[b"changed"] * 4]
    notes.close()


@pytest.mark.parametrize(
    "data", [{}, {"act": "burn"}, {"act": "speed"}, {"act": "speed", "speed": "2"}, {"act": "speed", "speed": "x"}]
)
def test_anything_else_is_refused(sandbox: Tenant, client: Client, data: dict[str, str]) -> None:
    assert client.post(ACT, data).status_code == 400
    assert wishes(sandbox) == {}


@pytest.mark.parametrize("role", Member.Role.values)
def test_who_may(sandbox: Tenant, client_for: Any, role: str) -> None:
    person = client_for(make_user(f"{role}@sim.example", member_of=sandbox.organisation, as_=role))
    may = role in ("owner", "admin", "developer")
    assert person.post(ACT, {"act": "start"}).status_code == (303 if may else 403)
    assert bool(wishes(sandbox)) == may


def test_without_the_forms_token_nothing_happens(sandbox: Tenant, client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(ACT, {"act": "start"}).status_code == 403
    assert wishes(sandbox) == {}


def test_there_are_no_switches_where_nothing_is_simulated(
    sandbox: Tenant, client: Client, client_for: Any, settings: Any
) -> None:
    ben = make_tenant("ben")
    owner = client_for(make_user("owner@ben.example", member_of=ben.organisation))
    assert owner.post("/o/ben/live/simulation", {"act": "start"}).status_code == 404
    with scope(ben.id):
        assert simulation.state(ben.organisation) is None
    settings.SIMULATION = False
    assert client.post(ACT, {"act": "start"}).status_code == 404
    with scope(sandbox.id):
        assert simulation.state(sandbox.organisation) is None
    assert "Simulation" not in re.sub(r"<title>.*?</title>", "", client.get(LIVE).content.decode())
    assert wishes(sandbox) == {}


def test_a_reset_pauses_keeps_the_speed_and_counts(sandbox: Tenant, client: Client) -> None:
    simulation.introduce(sandbox.organisation)
    simulation.set_speed(sandbox.organisation, 10)
    client.post(ACT, {"act": "reset"})
    agent = Api(sandbox)
    hold = agent.authorise(max_output_tokens=1000).json()["id"]
    agent.progress(hold, 1, output=100)
    assert client.post(ACT, {"act": "reset"}).status_code == 303
    assert wallet(sandbox.id) == (Decimal(200), Decimal(0))
    assert (wishes(sandbox)["running"], wishes(sandbox)["speed"], wishes(sandbox)["generation"]) == ("0", "10", "3")
    verified()


def test_a_reset_waits_for_agents_that_live_and_for_no_others(sandbox: Tenant, monkeypatch: Any) -> None:
    monkeypatch.setattr(simulation, "_OBEY_SECONDS", 0.3)
    waited: list[float] = []
    monkeypatch.setattr(simulation.time, "sleep", waited.append)
    simulation.reset(sandbox.organisation)  # no process
    assert waited == []
    process_says(sandbox, revision=99)  # has obeyed already
    simulation.reset(sandbox.organisation)
    assert waited == []
    process_says(sandbox, revision=0)  # hangs: the reset comes all the same
    simulation.reset(sandbox.organisation)
    assert waited
    assert wallet(sandbox.id) == (Decimal(200), Decimal(0))


def test_the_page_shows_what_is_set_and_works_without_javascript(sandbox: Tenant, client: Client) -> None:
    simulation.introduce(sandbox.organisation)
    process_says(sandbox, revision=1)
    page = client.get(LIVE).content.decode()
    frame = page[page.index('class="sim"') :]
    frame = frame[: frame.index("</div>")]
    assert "Sandbox wallet. Real API calls, local models, never on an invoice." in frame
    assert re.findall(r'name="speed" value="(\d+)" aria-pressed="(\w+)"', frame) == [
        ("1", "true"), ("10", "false"), ("60", "false")
    ]  # fmt: skip
    assert re.findall(r'name="act" value="(\w+)"', frame) == ["speed", "pause", "reset"]
    assert "disabled" not in frame
    assert "Reset to $200" in re.sub(r"<[^>]+>", "", frame)
    assert frame.count('method="post"') == frame.count("csrfmiddlewaretoken") == 2
    simulation.pause(sandbox.organisation)
    assert 'value="start"' in client.get(LIVE).content.decode()


def test_the_page_says_that_the_process_is_away(sandbox: Tenant, client: Client) -> None:
    page = client.get(LIVE).content.decode()
    assert page.count("disabled") == 5
    assert "has not been heard of" in page


def test_who_may_not_switch_sees_the_state_alone(sandbox: Tenant, client_for: Any) -> None:
    viewer = client_for(make_user("viewer@sim.example", member_of=sandbox.organisation, as_="viewer"))
    simulation.introduce(sandbox.organisation)
    simulation.set_speed(sandbox.organisation, 60)
    page = viewer.get(LIVE).content.decode()
    assert "Running at 60×." in page
    assert ACT not in page


def test_without_valkey_the_page_stands_and_a_switch_says_so(sandbox: Tenant, client: Client, monkeypatch: Any) -> None:
    away = redis.Redis.from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr(simulation, "quick", lambda: away)
    assert "has not been heard of" in client.get(LIVE).content.decode()
    answer = client.post(ACT, {"act": "reset"}, follow=True)
    assert "switchboard does not answer" in answer.content.decode()
    assert wallet(sandbox.id) == (Decimal(0), Decimal(0))
