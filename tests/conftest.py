import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from django.conf import settings
from django.test import Client, TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware

from billing_portal.processes import ports
from organisations.models import User
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant, make_user
from tests.local_servers import providers  # noqa: F401


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: object) -> None:
    """Instead of pytest-django's: the app role may neither create nor flush a database."""
    database.create()


@pytest.fixture(scope="session", autouse=True)
def _empty_as_owner() -> None:
    TransactionTestCase._fixture_teardown = lambda self: database.empty()  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_once() -> None:
    """Each test client has middleware of its own, whose search for the same files takes longer than most requests."""
    search, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def take(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            search(middleware)
            found.update(middleware.files)
        middleware.files |= found

    WhiteNoiseMiddleware.add_files_from_finders = take


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    """Ada's organisation: markup 1, $100.00 of paid credits, a key for calls."""
    return make_tenant(credits="100")


@pytest.fixture
def api(tenant: Tenant) -> Api:
    return Api(tenant)


@pytest.fixture
def organisation(tenant: Tenant) -> object:
    return tenant.organisation


@pytest.fixture
def superuser(transactional_db: None) -> User:
    return make_user("root@platform.example", "superuser")


@pytest.fixture
def finance(transactional_db: None) -> User:
    return make_user("finance@platform.example", "finance")


@pytest.fixture
def support(transactional_db: None) -> User:
    return make_user("support@platform.example", "support")


@pytest.fixture
def owner(tenant: Tenant) -> User:
    return make_user("owner@ada.example", member_of=tenant.organisation)


@pytest.fixture
def client_for() -> Callable[[User | None], Client]:
    def client(user: User | None) -> Client:
        made = Client(raise_request_exception=False)
        if user:
            made.force_login(user)
        return made

    return client


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[str]:
    """A real web process (uvicorn, connection pool) on the test database; gives its base URL."""
    with ports.listen(22_500) as listener:
        base = f"http://{ports.HOST}:{listener.getsockname()[1]}"
        command = [
            sys.executable, "-m", "uvicorn", "billing_portal.asgi:application", "--fd", str(listener.fileno()),
            "--no-access-log", "--log-level", "warning",
        ]  # fmt: skip
        environment = os.environ | {"DB_POOL": "8", "SITE_URL": base}
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, pass_fds=[listener.fileno()])
    try:
        _wait_for(base, process)
        yield base
    finally:
        process.kill()
        process.wait()


def _wait_for(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web process ended"
        try:
            if httpx.get(f"{base}/livez").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the web process did not answer in 30 s")
