"""The start command on servers that it does not run itself."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_portal.processes.embedded import EmbeddedServers
from tests.processes.running_system import RunningSystem, free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def servers(reachable_folder: Path) -> Iterator[EmbeddedServers]:
    """Stand for the person's own servers."""
    both = EmbeddedServers(reachable_folder / "servers", fsync=False)
    both.start()
    yield both
    both.stop()


def refused(folder: Path, **environment: str) -> str:
    """What the start command says when it does not start."""
    system = RunningSystem(folder / "data", free_port(), **environment)
    assert system.launch().wait(60) == 1
    return system.output()


def test_one_of_the_two_database_urls_alone_is_refused(reachable_folder: Path) -> None:
    said = refused(reachable_folder, MIGRATION_DATABASE_URL="postgresql://portal_owner:x@127.0.0.1:1/portal")
    assert "MIGRATION_DATABASE_URL is set but DATABASE_URL is not" in said


def test_servers_that_do_not_answer_are_named(reachable_folder: Path) -> None:
    said = refused(reachable_folder, DATABASE_URL="postgresql://portal_app:x@127.0.0.1:1/portal")
    assert "The database that DATABASE_URL names does not answer" in said
    said = refused(reachable_folder, REDIS_URL="redis://127.0.0.1:1/0")
    assert "The server that REDIS_URL names does not answer" in said


def test_without_the_owner_an_empty_database_is_explained(servers: EmbeddedServers, reachable_folder: Path) -> None:
    said = refused(reachable_folder, DATABASE_URL=servers.app_url(), REDIS_URL=servers.redis_url)
    assert "Set MIGRATION_DATABASE_URL to the URL of the database's owner" in said
    assert "CREATE ROLE portal_app LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS" in said


def test_the_owner_migrates_once_and_is_not_needed_again(servers: EmbeddedServers, reachable_folder: Path) -> None:
    external = {"DATABASE_URL": servers.app_url(), "REDIS_URL": servers.redis_url}
    for more in ({"MIGRATION_DATABASE_URL": servers.owner_url()}, {}):
        system = RunningSystem(reachable_folder / "data", free_port(), **external, **more)
        system.start()
        assert system.status("/readyz") == 200
        assert not system.child("postgresql")
        assert not system.child("valkey")
        assert system.signal(signal.SIGTERM) == 0
