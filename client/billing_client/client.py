"""The client for programs that wait for each answer."""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, Unpack

from billing_client import operations
from billing_client.adapters import Options, wrapped
from billing_client.adapters.metering import Metering
from billing_client.adapters.stream import MeteredStream
from billing_client.answers import Authorisation
from billing_client.attempts import Limits
from billing_client.call import Call
from billing_client.methods import like
from billing_client.operations import Operation
from billing_client.retries import Backoff
from billing_client.transport import Transport

P = ParamSpec("P")
T = TypeVar("T")
Sdk = TypeVar("Sdk")


def _sends(operation: Callable[P, Operation[T]]) -> "Callable[Concatenate[BillingClient, P], T]":
    @like(operation)
    def method(self: "BillingClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(operation(*args, **kwargs))

    return method


def _opens(operation: Callable[P, Operation[Authorisation]]) -> "Callable[Concatenate[BillingClient, P], Call]":
    @like(operation, "call", Call.__doc__)
    def method(self: "BillingClient", /, *args: P.args, **kwargs: P.kwargs) -> Call:
        return Call(self.send, operation(*args, **kwargs))

    return method


class BillingClient:
    """Authorise, report, settle and release calls of AI agents. One client may be shared by threads.

    `base_url`: where the portal runs, without /api/v1. `timeout`: seconds for connecting and for each wait within one
    attempt. `deadline`: seconds for a call with all its retries. `max_retries`: None leaves it to the deadline.

    Connection errors, time-outs and answers 429, 502, 503 and 504 are sent again with the same idempotency key, so that
    nothing is done twice. What does not succeed raises a `BillingError`.
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
        self._transport = Transport(base_url, api_key, limits, max_connections)
        self._running: set[MeteredStream] = set()

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

        `sdk`: `openai.OpenAI`, `anthropic.Anthropic` or `google.genai.Client`. `options`: see `adapters.Options`; what
        was wrapped may be wrapped again to change some. Raises TypeError for anything else.
        """
        return wrapped(sdk, Metering(self, self._running), options)

    def send(self, operation: Operation[T]) -> T:
        """Send an operation and read its answer."""
        return operation.understood(self._transport.call(operation.request))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Settle the streams that nobody read to their end, and close the connections; no further call is possible.

        Raises NotSettled where a stream could not be settled.
        """
        with ExitStack() as last:
            last.callback(self._transport.close)
            for stream in list(self._running):
                last.callback(stream.close)
