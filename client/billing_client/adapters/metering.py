"""Authorise, clamp, call, report, settle: around the calls of an SDK."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from billing_client.adapters.contexts import Contexts
from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.options import Options
from billing_client.adapters.refusals import refused
from billing_client.adapters.stream import MeteredStream, finish
from billing_client.call import Call
from billing_client.errors import BillingError
from billing_client.prices import Model


class Billing(Protocol):
    """What is needed of the client."""

    @property
    def call(self) -> Callable[..., Call]: ...

    @property
    def models(self) -> Callable[[], tuple[Model, ...]]: ...


class Metering:
    """The calls of one wrapped SDK. `send` sends a request body to the provider. `running`: the open streams."""

    def __init__(self, billing: Billing, running: set[MeteredStream]) -> None:
        self._billing, self._running = billing, running
        self._contexts = Contexts()

    def answer(self, dialect: Dialect, body: Body, options: Options, send: Callable[[Mapping[str, Any]], Any]) -> Any:
        """A call whose answer comes whole. Raises NotSettled, which holds the answer, where it could not be settled."""
        call, response = self._sent(dialect, body, options, send)
        tally = dialect.tally(body, options, call)
        tally.add_whole(dialect.read(response))
        try:
            finish(call, tally, tally.status, options)
        except BillingError as failure:
            raise call.complaint(response) from failure
        return response

    def stream(
        self, dialect: Dialect, body: Body, options: Options, send: Callable[[Mapping[str, Any]], Any]
    ) -> MeteredStream:
        """A call whose answer comes in events."""
        call, stream = self._sent(dialect, body, options, send)
        return MeteredStream(stream, call, dialect, body, options, self._running)

    def _sent(
        self, dialect: Dialect, body: Body, options: Options, send: Callable[[Mapping[str, Any]], Any]
    ) -> tuple[Call, Any]:
        """The authorised call and what the provider gave; where it gave nothing, the call is left."""
        call = self._billing.call(**self._arguments(dialect, body, options)).open()
        try:
            return call, send(dialect.clamped(body, call.max_output_tokens))
        except BaseException as error:
            if refused(error):
                call.was_refused()
            call.leave(error)
            raise

    def _arguments(self, dialect: Dialect, body: Body, options: Options) -> dict[str, Any]:
        arguments = dialect.arguments(body, options)
        if self._contexts.are_needed(arguments):
            # A key that may not read the models can still call them.
            with suppress(BillingError):
                self._contexts.learn(self._billing.models())
        return self._contexts.capped(arguments)
