"""Providers that answer with an error in the place of what was asked for, or not in time: what the call costs then.

Real web process and real SDKs; the provider is a transport that says one thing.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from billing_client import AsyncBillingClient, BillingClient, Receipt
from google import genai
from google.genai import types

from tests.factories import Tenant, make_model, make_tenant
from tests.flows.sdk_drivers import MODELS, PROMPT, Way, start
from tests.metering.figures import one, rows_of, verified, wallet

EVENT = "text/event-stream"
JSON = "application/json"
FAILED = (
    '{"id": "r", "object": "response", "status": "failed", "output": [], "usage": null, '
    '"error": {"code": "server_error", "message": "down"}}'
)
CREATED = 'data: {"type": "response.created", "response": {"id": "r", "status": "in_progress", "error": null}}\n\n'
OVERLOADED = '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
CHUNK = 'data: {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "%s"}}]}\n\n'
DOWN = 'data: {"error": {"message": "down", "type": "server_error"}}\n\n'
GEMINI = '{"error": {"code": 503, "message": "down", "status": "UNAVAILABLE"}}'

# What comes with status 200 and is an error, by how it was asked for.
ERRORS = [
    ("chat", True, DOWN),
    ("chat", True, CHUNK % "" + DOWN),
    ("responses", True, 'event: error\ndata: {"type": "error", "code": "server_error", "message": "down"}\n\n'),
    ("responses", True, CREATED + f'data: {{"type": "response.failed", "response": {FAILED}}}\n\n'),
    ("messages", True, f"event: error\ndata: {OVERLOADED}\n\n"),
    ("content", True, f"data: {GEMINI}\n\n"),
    ("chat", False, '{"error": {"message": "no upstream", "code": 502}}'),
    ("responses", False, FAILED),
    ("messages", False, OVERLOADED),
    ("content", False, GEMINI),
]


@pytest.fixture
def ada(transactional_db: None) -> Tenant:
    for provider, name in MODELS.items():
        # A price for each request: not even that is owed for an error.
        make_model({"input": "2", "output": "10", "request": "1000"}, name=name, provider=provider)
    return make_tenant("ada", credits="10")


@pytest.fixture
def billing(server: str, ada: Tenant) -> Iterator[BillingClient]:
    with BillingClient(server, ada.secret) as client:
        yield client


@pytest.fixture
def receipts() -> list[Receipt]:
    return []


class Provider:
    """Says `body` with `status` to whatever is asked; raises `failure` instead where there is one."""

    def __init__(
        self, body: str = "", status: int = 200, kind: str = JSON, failure: type[Exception] | None = None
    ) -> None:
        self._answer = status, body, kind
        self._failure = failure

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self._failure:
            raise self._failure("", request=request)  # type: ignore[call-arg]
        status, body, kind = self._answer
        return httpx2.Response(status, headers={"content-type": kind}, content=body.encode())

    def sdk(self, way: Way) -> Any:
        transport = httpx2.MockTransport(self)
        http: Any = httpx2.Client(transport=transport) if way.waits else httpx2.AsyncClient(transport=transport)
        if way.provider == "google":
            name = "httpx_client" if way.waits else "httpx_async_client"
            made = genai.Client(api_key="x", http_options=types.HttpOptions(**{name: http}))
            return made if way.waits else made.aio
        kinds: Any = {
            ("openai", True): openai.OpenAI, ("openai", False): openai.AsyncOpenAI,
            ("anthropic", True): anthropic.Anthropic, ("anthropic", False): anthropic.AsyncAnthropic,
        }  # fmt: skip
        return kinds[way.provider, way.waits](
            api_key="x", base_url="http://provider.example/v1", max_retries=0, http_client=http
        )


def ask(way: Way, provider: Provider, ada: Tenant, server: str, **options: Any) -> list[Any]:
    """The answer or its events, however they end; last the exception, if there is one."""
    if way.waits:
        with BillingClient(server, ada.secret) as billing:
            found: list[Any] = []
            try:
                answer = start(way, billing.wrap(provider.sdk(way), **options), 50, PROMPT)
                found.extend(answer if way.streamed else [answer])
            except Exception as error:
                found.append(error)
            return found
    return asyncio.run(_ask(way, provider, ada, server, options))


async def _ask(way: Way, provider: Provider, ada: Tenant, server: str, options: Any) -> list[Any]:
    found: list[Any] = []
    async with AsyncBillingClient(server, ada.secret) as billing:
        try:
            answer = await start(way, billing.wrap(provider.sdk(way), **options), 50, PROMPT)
            if not way.streamed:
                return [answer]
            async for event in answer:
                found.append(event)
        except Exception as error:
            found.append(error)
    return found


@pytest.mark.parametrize("waits", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize(("api", "streamed", "body"), ERRORS, ids=range(len(ERRORS)))
def test_error_with_status_200_costs_nothing(
    api: str, streamed: bool, body: str, waits: bool, server: str, ada: Tenant, receipts: list[Receipt]
) -> None:
    way = Way(api, streamed, waits)
    provider = Provider(body, kind=EVENT if streamed else JSON)
    # What the SDK makes of it is the caller's: an exception, or an answer that is an error.
    found = ask(way, provider, ada, server, report_seconds=0, on_receipt=receipts.append)
    assert found
    assert not hasattr(found[-1], "__notes__")
    assert rows_of("SELECT state, ended_by FROM wallets_hold") == [("released", "call")]
    assert wallet(ada.id) == (Decimal(10), Decimal(0))
    assert receipts == []
    verified()


def test_what_came_before_an_error_is_charged(server: str, ada: Tenant, receipts: list[Receipt]) -> None:
    provider = Provider(CHUNK % "four" + DOWN, kind=EVENT)
    ask(Way("chat", streamed=True, waits=True), provider, ada, server, on_receipt=receipts.append)
    [receipt] = receipts
    assert (receipt.status, receipt.estimated) == ("failed", True)
    # 17 characters were asked, 4 came.
    assert {line.leaf: line.tokens for line in receipt.leaves} == {"input": 5, "output": 1, "request": 1}


def test_blocked_prompt_without_usage_is_settled_by_the_likely_input(
    server: str, ada: Tenant, receipts: list[Receipt]
) -> None:
    provider = Provider('{"promptFeedback": {"blockReason": "SAFETY"}}')
    ask(Way("content", streamed=False, waits=True), provider, ada, server, on_receipt=receipts.append)
    [receipt] = receipts
    assert (receipt.status, receipt.estimated) == ("completed", True)
    assert {line.leaf: line.tokens for line in receipt.leaves if line.tokens} == {"input": 5, "request": 1}


TIME_OUTS = [(504, ""), (408, OVERLOADED), (524, ""), (502, "<html>Bad gateway</html>")]
WAYS = [Way(api, streamed, waits) for api in ("chat", "messages", "content")
        for streamed in (False, True) for waits in (True, False)]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("status", "body"), TIME_OUTS, ids=lambda said: str(said)[:3])
def test_nobody_knows_what_a_gateways_time_out_cost(way: Way, status: int, body: str, server: str, ada: Tenant) -> None:
    found = ask(way, Provider(body, status), ada, server)
    assert "settled by estimate" in found[-1].__notes__[0]
    assert rows_of("SELECT state FROM wallets_hold") == [("open",)]
    assert one("SELECT dispatched FROM metering_call") == (True,)


@pytest.mark.parametrize("waits", [True, False], ids=["sync", "async"])
def test_time_out_of_a_fallback_is_not_the_failure_before_it(waits: bool, server: str, ada: Tenant) -> None:
    slow = Provider(failure=httpx2.ReadTimeout)
    try:
        raise httpx2.ConnectError("the first choice is down")
    except httpx2.ConnectError:
        [error] = ask(Way("chat", streamed=False, waits=waits), slow, ada, server)
    assert isinstance(error, openai.APITimeoutError)
    assert "settled by estimate" in error.__notes__[0]
    assert rows_of("SELECT state FROM wallets_hold") == [("open",)]
