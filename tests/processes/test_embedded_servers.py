"""The two servers by themselves."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from billing_portal.paths import repository
from billing_portal.processes.embedded import EmbeddedServers
from billing_portal.processes.errors import AlreadyRunningError, StartError
from tests.processes.running_system import descendants, is_alive, wait_until


@pytest.fixture(scope="module")
def servers(reachable_folder: Path) -> Iterator[EmbeddedServers]:
    both = EmbeddedServers(reachable_folder / "servers", fsync=False)
    both.start()
    yield both
    both.stop()


def test_the_roles_have_no_special_rights(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.superuser_url()) as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles "
            "WHERE rolname LIKE 'portal%' ORDER BY rolname"
        ).fetchall()
    assert rows == [("portal_app", False, False, False, False), ("portal_owner", False, True, False, False)]


def test_the_app_role_cannot_make_tables_or_databases(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.app_url(), autocommit=True) as connection:
        for statement in ("CREATE TABLE t (id int)", "CREATE TEMP TABLE t (id int)", "CREATE DATABASE other"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_owner_can_make_tables_and_databases(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.owner_url(), autocommit=True) as connection:
        for statement in ("CREATE TABLE t (id int)", "DROP TABLE t", "CREATE DATABASE other", "DROP DATABASE other"):
            connection.execute(statement)


def test_a_wrong_password_is_refused(servers: EmbeddedServers) -> None:
    port = servers.app_url().rpartition(":")[2].partition("/")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://portal_app:guess@127.0.0.1:{port}/portal")
    port = servers.redis_url.rpartition(":")[2].partition("/")[0]
    with redis.Redis(host="127.0.0.1", port=int(port), retry=None) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_the_server_speaks_utf8_and_utc(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.app_url()) as connection:
        row = connection.execute("SELECT lower('ÉŁ'), current_setting('TimeZone'), 'a' < 'B'").fetchone()
    assert row == ("éł", "UTC", False)


def test_valkey_forgets_nothing_by_itself(servers: EmbeddedServers) -> None:
    with redis.Redis.from_url(servers.redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_starting_twice_does_nothing(servers: EmbeddedServers) -> None:
    before = [child.pid for child in servers.children]
    servers.start()
    assert [child.pid for child in servers.children] == before


def test_a_second_process_is_kept_off_the_same_data(servers: EmbeddedServers, reachable_folder: Path) -> None:
    with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
        EmbeddedServers(reachable_folder / "servers", fsync=False).start()


def test_data_survives_and_a_stolen_port_is_given_up(reachable_folder: Path) -> None:
    notices: list[str] = []
    both = EmbeddedServers(reachable_folder / "again", notice=notices.append)
    both.start()
    first = both.redis_url
    with redis.Redis.from_url(first) as client:
        client.set("kept", "yes")
    with psycopg.connect(both.owner_url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    both.stop()
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2].partition("/")[0]))):
        both.start()
    try:
        assert both.redis_url != first
        assert [notice for notice in notices if notice.startswith("The port of valkey is taken")]
        with redis.Redis.from_url(both.redis_url) as client:
            assert client.get("kept") == b"yes"
        with psycopg.connect(both.owner_url()) as connection:
            assert connection.execute("SELECT id FROM kept").fetchone() == (1,)
            durable = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            assert durable.fetchone() == ("on", "on")
    finally:
        both.stop()


def test_the_servers_die_with_their_parent(reachable_folder: Path) -> None:
    program = textwrap.dedent(
        """
        import signal, sys
        from pathlib import Path
        from billing_portal.processes.embedded import EmbeddedServers
        EmbeddedServers(Path(sys.argv[1]), fsync=False).start()
        print("started", flush=True)
        signal.pause()
        """
    )
    command = [sys.executable, "-c", program, str(reachable_folder / "parent")]
    with subprocess.Popen(command, cwd=repository(), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "started\n"
        below = descendants(parent.pid)
        assert len(below) > 5
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not [process for process in below if is_alive(process)], "the end of both servers")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the servers as another account")
def test_a_folder_that_nobody_can_enter_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(StartError, match=f"may not enter {tmp_path}"):
        EmbeddedServers(tmp_path / "data").start()
