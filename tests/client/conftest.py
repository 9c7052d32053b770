from collections.abc import Callable, Iterator
from typing import Any

import pytest
from billing_client import Backoff, BillingClient

from tests.client.scripted_server import ScriptedServer, scripted_server
from tests.client.waiting import event_loop, waiting_client

NewClient = Callable[..., BillingClient]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def new_client(request: pytest.FixtureRequest) -> Iterator[NewClient]:
    """Clients that wait next to nothing between attempts, so that tests are quick; closed at the end.

    Every test runs with both kinds of client; the asynchronous one is waited for.
    """
    opened: list[Any] = []
    with event_loop() as portal:

        def make(url: str, **options: object) -> BillingClient:
            settings = {"timeout": 5.0, "deadline": 20.0, "backoff": Backoff(first=0.002, longest=0.01)} | options
            key = "tb_test_secret"
            waits = request.param == "sync"
            opened.append(
                BillingClient(url, key, **settings) if waits else waiting_client(portal, url, key, **settings)
            )
            return opened[-1]

        yield make
        for client in opened:
            client.close()


@pytest.fixture
def client(server: ScriptedServer, new_client: NewClient) -> BillingClient:
    return new_client(server.url)
