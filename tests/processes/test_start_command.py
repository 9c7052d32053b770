"""The start command from outside: one run after another on the same data, with processes killed in between."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from billing_portal.processes import environment
from tests.processes.running_system import RunningSystem, free_port, is_alive, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(reachable_folder: Path) -> Iterator[RunningSystem]:
    """A system whose preferred port was taken when it started."""
    port = free_port()
    running = RunningSystem(reachable_folder / "data", port)
    with socket.create_server(("127.0.0.1", port)):
        running.start()
    yield running
    if not running.ended():
        running.signal(signal.SIGTERM)


def accepts(url: str) -> bool:
    """Whether the database takes a new session, which it does not while it recovers."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def up(system: RunningSystem) -> RunningSystem:
    """The system, started again if the test before ended it."""
    if system.ended():
        system.start()
    return system


def test_a_taken_port_is_named_and_the_next_free_one_is_used(up: RunningSystem) -> None:
    assert f"Port {up.port} is taken by another program; using " in up.output()
    assert up.url != f"http://127.0.0.1:{up.port}"
    assert f"SITE_URL={up.url}\n" in (up.data / "portal.env").read_text()
    assert f"runs at {up.url} " in up.output()


def test_the_site_answers_and_a_login_is_printed(up: RunningSystem) -> None:
    assert up.status("/livez") == 200
    assert up.status("/readyz") == 200
    assert "@" in up.output()


def test_each_step_says_how_long_it_took(up: RunningSystem) -> None:
    steps = [line for line in up.output().splitlines() if line.endswith(" s") and " … " in line]
    assert [line.partition(" … ")[0] for line in steps] == [
        "Starting the database and the queue",
        "Migrating the database",
        "Loading the demo data",
        "Starting the site",
    ]


def test_secrets_are_readable_by_their_owner_alone(up: RunningSystem) -> None:
    for name in ("secrets.env", "portal.env", "agents.env", "lock"):
        assert (up.data / name).stat().st_mode & 0o077 == 0, name
    secrets = environment.read(up.data / "secrets.env").values()
    arguments = " ".join((Path("/proc") / str(p.pid) / "cmdline").read_text() for p in up.processes() if is_alive(p))
    assert not [secret for secret in secrets if secret in arguments]


def test_a_second_start_on_the_same_data_is_refused(up: RunningSystem) -> None:
    command = [*up.supervisor.args]  # the very same command
    second = subprocess.run(command, env=up.env, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert f"already running at {up.url} (pid {up.supervisor.pid})" in second.stdout
    assert up.status("/livez") == 200


CHILDREN = ("web-1", "worker", "beat", "providers", "simulation", "valkey", "postgresql")


@pytest.mark.parametrize("name", CHILDREN)
def test_a_killed_child_is_restarted(up: RunningSystem, name: str) -> None:
    others = {other: up.child(other) for other in CHILDREN if other != name}
    up.kill_child(name)
    wait_until(lambda: up.status("/readyz") == 200, f"ready after the death of {name}")
    assert f"{name} ended (killed by SIGKILL)" in up.output()
    assert {other: up.child(other) for other in others} == others, "the others stay up"


def test_local_providers_answer_where_the_settings_say_and_know_no_secret(up: RunningSystem) -> None:
    settings = environment.read(up.data / "portal.env")
    assert httpx.get(f"{settings['LOCAL_PROVIDERS_URL']}/livez").text == "ok"
    seen = (Path("/proc") / str(up.child("providers")) / "environ").read_text()
    assert "LOCAL_PROVIDERS_URL=" in seen
    assert [name for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL") if f"{settings[name]}\0" in seen] == []


def test_the_demos_agents_work_and_know_no_secret_but_their_own(up: RunningSystem) -> None:
    settings, keys = environment.read(up.data / "portal.env"), environment.read(up.data / "agents.env")
    seen = (Path("/proc") / str(up.child("simulation")) / "environ").read_text()
    assert [name for name in ("SECRET_KEY", "DATABASE_URL", "API_KEY_HMAC_KEY") if f"{settings[name]}\0" in seen] == []
    assert f"SIMULATION_KEY_SOPHI={keys['SIMULATION_KEY_SOPHI']}\0" in seen
    asked = {"Authorization": f"Bearer {keys['SIMULATION_KEY_SOPHI']}"}
    figures = lambda: httpx.get(f"{up.url}/api/v1/balance", headers=asked).json()  # noqa: E731
    wait_until(lambda: 0 < float(figures()["balance"]) < 200, "the first call", 60)


def test_postgresql_is_restarted_though_a_session_outlives_it(up: RunningSystem) -> None:
    """A session that computes does not notice the death of its parent and holds the shared memory."""
    owner = environment.read(up.data / "portal.env")["MIGRATION_DATABASE_URL"]
    session = psycopg.connect(owner, autocommit=True)
    session.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
    up.kill_child("postgresql")
    session.close()
    wait_until(lambda: up.status("/readyz") == 200 and accepts(owner), "ready after the death of PostgreSQL")
    with psycopg.connect(owner) as connection:
        running = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1,%'")
        assert running.fetchone() == (1,), "this question alone"


def test_a_killed_run_leaves_nothing_and_the_next_one_starts_on_its_data(up: RunningSystem) -> None:
    owner = environment.read(up.data / "portal.env")["MIGRATION_DATABASE_URL"]
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE kept_over_the_kill (id int)")
    processes = up.processes()
    assert len(processes) > 10
    up.signal(signal.SIGKILL)
    wait_until(lambda: not [p for p in processes if is_alive(p)], "the end of all processes", 20)
    assert up.start() < 30
    assert up.status("/readyz") == 200
    with psycopg.connect(owner) as connection:
        connection.execute("DROP TABLE kept_over_the_kill")


def test_a_start_right_after_a_kill_waits_for_what_is_still_ending(up: RunningSystem) -> None:
    up.signal(signal.SIGKILL)
    up.start()
    assert up.status("/readyz") == 200


def test_a_stopped_leftover_is_killed_before_the_next_start(up: RunningSystem) -> None:
    """A stopped process ignores the shutdown that the kernel sends it when its parent dies."""
    postmaster = up.child("postgresql")
    os.kill(postmaster, signal.SIGSTOP)
    processes = up.processes()
    up.signal(signal.SIGKILL)
    up.start()
    assert not [p for p in processes if is_alive(p)]
    assert up.status("/readyz") == 200


def test_ctrl_c_ends_every_process_in_order(up: RunningSystem) -> None:
    processes = up.processes()
    assert up.signal(signal.SIGINT) == 0
    assert not [p for p in processes if is_alive(p)]
    assert "Stopping … " in up.output()
    assert "database system is shut down" in (up.data / "log" / "postgresql.log").read_text()[-400:]
    assert list((up.data / "run").glob("*.pid")) == []


def test_ctrl_c_while_starting_stops_too(system: RunningSystem) -> None:
    assert system.ended()
    system.supervisor = system.launch()
    wait_until(lambda: "Migrating" in system.output() and system.child("preparation"), "the first step")
    processes = system.processes()
    assert system.signal(signal.SIGINT) == 0
    assert not [p for p in processes if is_alive(p)]
