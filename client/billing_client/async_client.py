"""The client for programs that run an event loop (asyncio or trio)."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

from billing_client import operations
from billing_client.adapters import Options, wrapped
from billing_client.adapters.async_metering import AsyncMetering
from billing_client.adapters.async_stream import AsyncMeteredStream
from billing_client.answers import Authorisation
from billing_client.async_call import AsyncCall
from billing_client.attempts import Limits
from billing_client.methods import like
from billing_client.operations import Operation
from billing_client.retries import Backoff
from billing_client.transport import AsyncTransport

P = ParamSpec("P")
T = TypeVar("T")
Sdk = TypeVar("Sdk")


def _sends(
    operation: Callable[P, Operation[T]],
) -> "Callable[Concatenate[AsyncBillingClient, P], Coroutine[Any, Any, T]]":
    @like(operation)
    async def method(self: "AsyncBillingClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(operation(*args, **kwargs))

    return method


def _opens(
    operation: Callable[P, Operation[Authorisation]],
) -> "Callable[Concatenate[AsyncBillingClient, P], AsyncCall]":
    @like(operation, "call", AsyncCall.__doc__)
    def method(self: "AsyncBillingClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncCall:
        return AsyncCall(self.send, operation(*args, **kwargs))

    return method


class AsyncBillingClient:
    """`BillingClient` with `await`: the same arguments, answers, retries and errors.

    One client may be shared by the tasks of one event loop.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 10.0,
        deadline: float = 60.0,
        max_retries: int | None = 8,
        backoff: Backoff | None = None,
        max_connections: int = 100,
    ) -> None:
        limits = Limits(timeout, deadline, max_retries, backoff or Backoff())
        self._transport = AsyncTransport(base_url, api_key, limits, max_connections)
        self._running: set[AsyncMeteredStream] = set()

    authorise = _sends(operations.authorise)
    progress = _sends(operations.progress)
    settle = _sends(operations.settle)
    release = _sends(operations.release)
    models = _sends(operations.models)
    balance = _sends(operations.balance)
    receipt = _sends(operations.receipt)
    call = _opens(operations.authorise)

    def wrap(self, sdk: Sdk, **options: Unpack[Options]) -> Sdk:
        """A provider's SDK client whose calls are authorised, reported and settled here, and otherwise as before.

        `sdk`: `openai.AsyncOpenAI`, `anthropic.AsyncAnthropic` or `google.genai.Client(…).aio`. `options`: see
        `adapters.Options`; what was wrapped may be wrapped again to change some. Raises TypeError for anything else.
        """
        return wrapped(sdk, AsyncMetering(self, self._running), options)

    async def send(self, operation: Operation[T]) -> T:
        """Send an operation and read its answer."""
        return operation.understood(await self._transport.call(operation.request))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Settle the streams that nobody read to their end, and close the connections; no further call is possible.

        Raises NotSettled where a stream could not be settled.
        """
        async with AsyncExitStack() as last:
            last.push_async_callback(self._transport.close)
            for stream in list(self._running):
                last.push_async_callback(stream.close)
