"""`Metering` with `await`."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from billing_client.adapters.async_stream import AsyncMeteredStream, finish
from billing_client.adapters.contexts import Contexts
from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.options import Options
from billing_client.adapters.refusals import refused
from billing_client.async_call import AsyncCall
from billing_client.errors import BillingError
from billing_client.prices import Model


class AsyncBilling(Protocol):
    """What is needed of the client."""

    @property
    def call(self) -> Callable[..., AsyncCall]: ...

    @property
    def models(self) -> Callable[[], Awaitable[tuple[Model, ...]]]: ...


class AsyncMetering:
    """The calls of one wrapped SDK. `send` sends a request body to the provider. `running`: the open streams."""

    def __init__(self, billing: AsyncBilling, running: set[AsyncMeteredStream]) -> None:
        self._billing, self._running = billing, running
        self._contexts = Contexts()

    async def answer(
        self, dialect: Dialect, body: Body, options: Options, send: Callable[[Mapping[str, Any]], Awaitable[Any]]
    ) -> Any:
        """A call whose answer comes whole. Raises NotSettled, which holds the answer, where it could not be settled."""
        call, response = await self._sent(dialect, body, options, send)
        tally = dialect.tally(body, options, call)
        tally.add_whole(dialect.read(response))
        try:
            await finish(call, tally, tally.status, options)
        except BillingError as failure:
            raise call.complaint(response) from failure
        return response

    async def stream(
        self, dialect: Dialect, body: Body, options: Options, send: Callable[[Mapping[str, Any]], Awaitable[Any]]
    ) -> AsyncMeteredStream:
        """A call whose answer comes in events."""
        call, stream = await self._sent(dialect, body, options, send)
        return AsyncMeteredStream(stream, call, dialect, body, options, self._running)

    async def _sent(
        self, dialect: Dialect, body: Body, options: Options, send: Callable[[Mapping[str, Any]], Awaitable[Any]]
    ) -> tuple[AsyncCall, Any]:
        """The authorised call and what the provider gave; where it gave nothing, the call is left."""
        call = await self._billing.call(**await self._arguments(dialect, body, options)).open()
        try:
            return call, await send(dialect.clamped(body, call.max_output_tokens))
        except BaseException as error:
            if refused(error):
                call.was_refused()
            await call.leave(error)
            raise

    async def _arguments(self, dialect: Dialect, body: Body, options: Options) -> dict[str, Any]:
        arguments = dialect.arguments(body, options)
        if self._contexts.are_needed(arguments):
            # A key that may not read the models can still call them.
            with suppress(BillingError):
                self._contexts.learn(await self._billing.models())
        return self._contexts.capped(arguments)
