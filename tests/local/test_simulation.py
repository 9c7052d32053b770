"""Agents at work: the real process against a real server and the local providers, watched through the database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from analytics import simulation
from billing_portal import demo
from billing_portal.agent_keys import hand_over
from billing_portal.processes import environment
from common.tenancy import platform
from common.valkey import quick
from organisations.models import Organisation
from tests.factories import give
from tests.metering.figures import one, rows_of, verified, wallet
from wallets.services import start_over

pytestmark = pytest.mark.slow
FRESH = (Decimal(200), Decimal(0))
NOWHERE = "http://127.0.0.1:9"
NAMES = """
SELECT DISTINCT a.name, m.name FROM metering_usagerecord u
JOIN organisations_agent a ON a.id = u.agent_id JOIN providers_model m ON m.id = u.model_id"""
MEMBERS = """
SELECT u.email, m.role FROM organisations_member m JOIN organisations_user u ON u.id = m.user_id
JOIN organisations_organisation o ON o.id = m.organisation_id WHERE o.slug = %s ORDER BY 1"""
REFUSED = "SELECT count(*) FROM wallets_idempotencyrecord WHERE outcome = 'refused'"


class Agents:
    """The process, with what it writes."""

    def __init__(self, folder: Path, told: dict[str, str]) -> None:
        ours = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "SECRET_KEY", "API_KEY_HMAC_KEY", "DJANGO_SETTINGS_MODULE")
        self._env = {key: value for key, value in os.environ.items() if key not in ours} | told
        self._log = folder / "simulation.log"
        self.start()

    def start(self) -> None:
        with self._log.open("a") as log:
            command = [sys.executable, "-m", "local.simulation"]
            self.process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=self._env, stderr=log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def end(self, number: int = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


@pytest.fixture
def sandbox(transactional_db: None, settings: Any) -> Iterator[Organisation]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    demo.load()
    with platform("read"):
        found = Organisation.objects.get(slug=demo.SIMULATION)
    yield found
    quick().delete(f"simulation:{found.pk}", f"simulation:{found.pk}:process")


@pytest.fixture
def told(sandbox: Organisation, tmp_path: Path, server: str, providers: str) -> dict[str, str]:
    """What `make run` tells the process."""
    hand_over(tmp_path / "agents.env")
    urls = {"SIMULATION_API_URL": server, "LOCAL_PROVIDERS_URL": providers, "REDIS_URL": settings.REDIS_URL}
    return {**environment.read(tmp_path / "agents.env"), **urls}


@pytest.fixture
def agents(told: dict[str, str], tmp_path: Path, sandbox: Organisation) -> Iterator[Agents]:
    simulation.pause(sandbox)
    simulation.set_speed(sandbox, 60)
    running = Agents(tmp_path, told)
    wait_until(lambda: quick().exists(f"simulation:{sandbox.pk}:process"), "a sign of life", running)
    yield running
    running.end()


def wait_until(condition: Callable[[], Any], what: str, agents: Agents, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert agents.process.poll() is None, agents.log
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}\n{agents.log}"
        time.sleep(0.1)


def settled() -> int:
    return int(one("SELECT count(*) FROM metering_usagerecord")[0])


def open_holds() -> int:
    return int(one("SELECT count(*) FROM wallets_hold WHERE state = 'open'")[0])


def settled_since_start() -> int:
    since = "(SELECT max(granted_at) FROM wallets_grant)"
    return int(one(f"SELECT count(*) FROM metering_usagerecord WHERE posted_at > {since}")[0])


def stands_still(seconds: float) -> bool:
    before = rows_of("SELECT id FROM wallets_hold"), settled()
    time.sleep(seconds)
    return (rows_of("SELECT id FROM wallets_hold"), settled()) == before


def none_refused_in(seconds: float) -> bool:
    before = one(REFUSED)
    time.sleep(seconds)
    return bool(one(REFUSED) == before)


def test_agents_spend_and_the_figures_agree(agents: Agents, sandbox: Organisation) -> None:
    assert stands_still(1)  # nobody has started them
    simulation.start(sandbox)
    wait_until(lambda: len({agent for agent, _ in rows_of(NAMES)}) == 3 and settled() > 8, "calls of all", agents)
    simulation.pause(sandbox)
    wait_until(lambda: not open_holds(), "the end of running calls", agents, 30)
    assert stands_still(2), "paused"
    balance, held = wallet(sandbox.pk)
    [charged] = one("SELECT sum(charge) FROM metering_usagerecord")
    assert (balance, held) == (200 - charged, 0)
    assert charged > Decimal("0.5")
    exact = one("SELECT count(*) FROM metering_usagerecord WHERE NOT estimated AND flags = '[]' AND raw IS NOT NULL")
    assert exact[0] > 0, "what the providers said was taken as they said it"
    assert dict(rows_of(NAMES)).keys() == {"Sophi", "Marv", "Sage"}
    assert one("SELECT count(*) FROM metering_call WHERE seq >= 0")[0] > 0, "streams were reported"
    verified()


def test_a_reset_in_the_middle_gives_exactly_two_hundred_again(agents: Agents, sandbox: Organisation) -> None:
    for _ in range(3):
        simulation.start(sandbox)
        wait_until(lambda: settled_since_start() > 2 and open_holds(), "calls that run", agents)
        simulation.reset(sandbox)
        assert wallet(sandbox.pk) == FRESH
    assert stands_still(2), "after a reset the agents wait to be started"
    assert wallet(sandbox.pk) == FRESH
    assert agents.process.poll() is None
    assert "Traceback" not in agents.log
    verified()


def test_at_zero_they_wait_and_go_on_when_credits_arrive(agents: Agents, sandbox: Organisation) -> None:
    start_over(organisation=sandbox, amount=Decimal("1.5"), reason="a small wallet", key="small")
    simulation.start(sandbox)
    wait_until(lambda: agents.log.count("out of credits") >= 3 and not open_holds(), "zero", agents, 120)
    balance, held = wallet(sandbox.pk)
    assert (0 <= balance < Decimal("0.01"), held) == (True, 0)
    before = settled()
    wait_until(lambda: none_refused_in(4), "agents that ask for the balance instead", agents, 40)
    assert settled() == before
    give(sandbox, "20")
    wait_until(lambda: settled() > before + 3, "calls after the credits", agents)
    assert "Traceback" not in agents.log
    simulation.pause(sandbox)
    wait_until(lambda: not open_holds(), "the end of running calls", agents, 30)
    verified()


def test_what_goes_wrong_at_a_provider_is_released_or_estimated(
    agents: Agents, sandbox: Organisation, providers: str
) -> None:
    for fault, times in (("429", 2), ("cut", 3), ("no_usage", 2)):
        httpx.post(f"{providers}/_local/faults", json={"fault": fault, "times": times}).raise_for_status()
    simulation.start(sandbox)
    released = "SELECT count(*) FROM wallets_hold WHERE state = 'released' AND ended_by = 'call'"
    estimated = "SELECT count(*) FROM metering_usagerecord WHERE estimated AND charge > 0"
    wait_until(lambda: one(released)[0] >= 2 and one(estimated)[0] >= 4 and settled() > 8, "all of it", agents)
    assert "Traceback" not in agents.log
    assert "429" in agents.log
    httpx.post(f"{providers}/_local/reset").raise_for_status()
    simulation.pause(sandbox)
    wait_until(lambda: not open_holds(), "the end of running calls", agents, 30)
    verified()


def test_a_restarted_process_does_as_it_was_told_before(agents: Agents, sandbox: Organisation) -> None:
    simulation.start(sandbox)
    wait_until(lambda: settled() > 2, "calls", agents)
    agents.end()
    wait_until_gone = time.monotonic() + 10
    while quick().exists(f"simulation:{sandbox.pk}:process"):
        assert time.monotonic() < wait_until_gone, "the page would go on to say that it lives"
        time.sleep(0.2)
    agents.start()
    before = settled()
    wait_until(lambda: settled() > before + 2, "calls of the new process", agents)
    simulation.pause(sandbox)


def test_asked_to_stop_it_settles_what_runs_and_ends(agents: Agents, sandbox: Organisation) -> None:
    simulation.set_speed(sandbox, 1)
    simulation.start(sandbox)
    streaming = (
        "SELECT id FROM wallets_hold h JOIN metering_call c ON c.hold_id = h.id WHERE state = 'open' AND seq >= 0"
    )
    wait_until(lambda: rows_of(streaming), "a running call", agents)
    running = {hold for (hold,) in rows_of(streaming)}
    assert agents.end(signal.SIGTERM) == 0
    ended = rows_of("SELECT hold_id FROM metering_usagerecord")
    assert running <= {hold for (hold,) in ended}
    assert "Traceback" not in agents.log
    verified()


def test_while_the_portal_is_away_it_goes_on_trying(
    told: dict[str, str], tmp_path: Path, sandbox: Organisation
) -> None:
    simulation.start(sandbox)
    running = Agents(tmp_path, told | {"SIMULATION_API_URL": NOWHERE, "LOCAL_PROVIDERS_URL": NOWHERE})
    try:
        wait_until(lambda: "Unavailable" in running.log, "a line about it", running, 90)
        assert "Traceback" not in running.log
        assert running.process.poll() is None
    finally:
        running.end()


def test_a_missing_setting_is_named(told: dict[str, str], tmp_path: Path) -> None:
    running = Agents(tmp_path, told | {"SIMULATION_KEY_MARV": ""})
    assert running.process.wait(60) == 2
    assert running.log.strip().endswith("SIMULATION_KEY_MARV is not set.")


def test_keys_are_kept_while_they_are_good(sandbox: Organisation, tmp_path: Path) -> None:
    file = tmp_path / "agents.env"
    hand_over(file)
    first = environment.read(file)
    assert file.stat().st_mode & 0o077 == 0
    hand_over(file)
    assert environment.read(file) == first
    file.unlink()
    hand_over(file)
    second = environment.read(file)
    assert not set(first.values()) & {v for k, v in second.items() if k.startswith("SIMULATION_KEY")}
    in_force = "SELECT count(*) FROM organisations_apikey WHERE revoked_at IS NULL AND organisation_id = %s"
    assert one(in_force, sandbox.pk) == (3,)


def test_the_demo_begins_with_agents_at_work_and_the_same_members(sandbox: Organisation) -> None:
    assert (sandbox.name, sandbox.sandbox, wallet(sandbox.pk)) == ("Simulation", True, FRESH)
    assert quick().hmget(f"simulation:{sandbox.pk}", "running", "speed") == [b"1", b"1"]
    assert rows_of(MEMBERS, "simulation") == rows_of(MEMBERS, "northwind")
    demo.load()  # changes nothing that is there
    assert wallet(sandbox.pk) == FRESH
    assert one("SELECT count(*) FROM wallets_grant WHERE organisation_id = %s", sandbox.pk) == (1,)
