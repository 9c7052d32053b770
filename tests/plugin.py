"""Loaded by `-p tests.plugin` before Django's settings: starts real PostgreSQL and Valkey, points the settings there.

`DATABASE_URL`, `MIGRATION_DATABASE_URL` and `REDIS_URL` in the environment are used instead where they are set; the
database they name is emptied.
"""

import os

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
_servers: list[EmbeddedServers] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    os.environ |= SETTINGS
    if "DATABASE_URL" in os.environ:
        return
    servers = EmbeddedServers(data=data_dir() / "test-servers", fsync=False)
    servers.start()
    _servers.append(servers)
    os.environ["DATABASE_URL"] = servers.app_url(DATABASE)
    os.environ["MIGRATION_DATABASE_URL"] = servers.owner_url(DATABASE)
    os.environ["REDIS_URL"] = servers.redis_url


def pytest_unconfigure() -> None:
    for servers in _servers:
        servers.stop()
