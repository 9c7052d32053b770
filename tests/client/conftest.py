from collections.abc import Callable, Iterator

import pytest
from billing_client import Backoff, BillingClient

from tests.client.scripted_server import ScriptedServer, scripted_server

NewClient = Callable[..., BillingClient]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def new_client() -> Iterator[NewClient]:
    """Clients that wait next to nothing between attempts, so that tests are quick; closed at the end."""
    opened: list[BillingClient] = []

    def make(url: str, **options: object) -> BillingClient:
        settings = {"timeout": 5.0, "deadline": 20.0, "backoff": Backoff(first=0.002, longest=0.01)} | options
        opened.append(BillingClient(url, "tb_test_secret", **settings))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def client(server: ScriptedServer, new_client: NewClient) -> BillingClient:
    return new_client(server.url)
