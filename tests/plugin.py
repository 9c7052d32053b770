"""Loaded by `-p tests.plugin` before Django's settings: starts real PostgreSQL and Valkey, points the settings there.

`DATABASE_URL`, `MIGRATION_DATABASE_URL` and `REDIS_URL` in the environment are used instead where they are set; the
database they name is emptied. With `-n` each worker has servers of its own, so that nothing is shared.
"""

import os
from typing import Any

import pytest

from billing_portal.paths import data_dir
from billing_portal.processes.embedded import EmbeddedServers

DATABASE = "portal_test"
SETTINGS = {
    "SECRET_KEY": "tests only, tests only, tests only, tests only, tests only",
    "API_KEY_HMAC_KEY": "tests only too, tests only too, tests only too, tests only too",
    "SITE_URL": "http://testserver",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "DEMO": "1",
    "DEBUG": "0",
    "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
    "LOG_LEVEL": "WARNING",
}
# What the process that only hands tests to workers has for settings, and the workers with it when they begin.
NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
GIVEN = os.environ.get("DATABASE_URL", NOWHERE["DATABASE_URL"]) != NOWHERE["DATABASE_URL"]
WORKERS = 2
_servers: list[EmbeddedServers] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    os.environ |= SETTINGS
    workers = _workers(early_config)
    if GIVEN:
        if workers or WORKER:
            raise pytest.UsageError("DATABASE_URL names one database, which several workers would empty: use -n 0")
    elif workers:
        os.environ |= NOWHERE
    else:
        _start()


def _workers(config: pytest.Config) -> int:
    """How many other processes run the tests; 0 where this one does."""
    chosen = config.known_args_namespace
    asked = getattr(chosen, "numprocesses", None) or 0
    if asked in ("auto", "logical"):
        # A few files are done before other workers have started.
        return 0 if WORKER or GIVEN or chosen.file_or_dir or chosen.usepdb else WORKERS
    return 0 if WORKER else int(asked)


def _start() -> None:
    servers = EmbeddedServers(data=data_dir() / f"test-servers{WORKER}", fsync=False)
    servers.start()
    _servers.append(servers)
    os.environ["DATABASE_URL"] = servers.app_url(DATABASE)
    os.environ["MIGRATION_DATABASE_URL"] = servers.owner_url(DATABASE)
    os.environ["REDIS_URL"] = servers.redis_url


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return _workers(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.sharing import Sharing  # not before xdist, whose assertions pytest would then not rewrite

    return Sharing(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if WORKER:
        from tests.sharing import longest_first

        longest_first(items)


def pytest_unconfigure() -> None:
    for servers in _servers:
        servers.stop()
