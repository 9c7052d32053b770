"""The product for a measurement: embedded servers of its own, databases made from one template, real web processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from billing_portal.paths import data_dir, repository
from billing_portal.processes import ports, product
from billing_portal.processes.embedded import EmbeddedServers
from billing_portal.processes.postgres import APP, OWNER

EMPTY = "benchmark_empty"
PORT = 23_500
_SETTINGS = {
    "SECRET_KEY": "benchmarks only, benchmarks only, benchmarks only, benchmarks only",
    "API_KEY_HMAC_KEY": "benchmarks only too, benchmarks only too, benchmarks only too",
    "SITE_URL": "http://127.0.0.1",
    "DEMO": "1",  # plain HTTP
    "DEBUG": "0",
    "SIMULATION": "0",
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Web:
    """A running web process."""

    process: "subprocess.Popen[bytes]"
    base: str


@contextmanager
def servers() -> Iterator[EmbeddedServers]:
    """PostgreSQL and Valkey with the product's own settings, but for fsync, which is off: reading pages needs none."""
    found = EmbeddedServers(data=data_dir() / "benchmark-servers", fsync=False, notice=print)
    found.start()
    try:
        yield found
    finally:
        found.stop()


def environment(running: EmbeddedServers, database: str, number: int = 0) -> dict[str, str]:
    """The settings of a process of the product on `database`; each `number` has a part of Valkey of its own."""
    return {
        **{name: value for name, value in os.environ.items() if name != "DB_POOL"},
        **_SETTINGS,
        "DATABASE_URL": running.app_url(database),
        "MIGRATION_DATABASE_URL": running.owner_url(database),
        "REDIS_URL": urlunsplit(urlsplit(running.redis_url)._replace(path=f"/{number}")),
    }


def make_template(running: EmbeddedServers) -> None:
    """The empty, migrated database that the others are copies of."""
    with superuser(running, "postgres") as connection:
        _recreate(connection, EMPTY, "template1")
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(command, check=True, cwd=repository(), env=environment(running, EMPTY))


def make_database(running: EmbeddedServers, name: str) -> None:
    """A copy of the template; a database of the same name is dropped."""
    with superuser(running, "postgres") as connection:
        _recreate(connection, name, EMPTY)


def superuser(running: EmbeddedServers, database: str) -> psycopg.Connection:
    """A connection that row-level security doesn't bind: for making and looking at data, never for measuring."""
    return psycopg.connect(running.superuser_url(database), autocommit=True)


@contextmanager
def web(env: Mapping[str, str]) -> Iterator[Web]:
    """A web process on a port of its own, until the block ends."""
    with ports.listen(PORT) as listener:
        base = f"http://{ports.HOST}:{listener.getsockname()[1]}"
        with web_on(env, listener.fileno(), base) as found:
            yield found


@contextmanager
def web_on(env: Mapping[str, str], listener: int, base: str) -> Iterator[Web]:
    """One web process as the start command runs it (uvicorn, a pool of 8); it is killed when the block ends."""
    command = product.web({**env, "SITE_URL": base}, listener)[0]
    argv = [*command.argv, "--log-level=warning"]
    process = subprocess.Popen(argv, cwd=command.cwd, env=dict(command.env), pass_fds=command.descriptors)
    try:
        _wait_for(base, process)
        yield Web(process, base)
    finally:
        process.kill()
        process.wait()


def _wait_for(base: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the web process ended")
        try:
            if httpx.get(f"{base}/livez", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the web process did not answer in 60 s")


def _recreate(connection: psycopg.Connection, name: str, template: str) -> None:
    connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    connection.execute(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}" STRATEGY file_copy')
    connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {APP}')
