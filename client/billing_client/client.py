"""The calls of the API, one method each."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

from billing_client.answers import Authorisation, Balance, Progress, Release
from billing_client.prices import Model
from billing_client.receipts import Receipt
from billing_client.retries import Backoff
from billing_client.transport import Limits, Transport, unreadable

T = TypeVar("T")
HoldId = UUID | str


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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._transport.close()

    def authorise(
        self,
        provider: str,
        model: str,
        input_tokens: int,
        *,
        input_leaves: Sequence[str] | None = None,
        max_output_tokens: int | None = None,
        min_output_tokens: int | None = None,
        service_tier: str | None = None,
        tools: Mapping[str, int] | None = None,
        project: str | None = None,
        agent: str | None = None,
        user: str | None = None,
        run: str | None = None,
        dispatched: bool | None = None,
        ttl_seconds: int | None = None,
        idempotency_key: str | None = None,
    ) -> Authorisation:
        """Hold the worst case of one call before it is made.

        `input_tokens` is an upper bound; `input_leaves` are the kinds of input the call can use (all priced ones when
        absent). The call must not use more than the answer's `max_output_tokens`. `min_output_tokens` is the least that
        is worth starting for. `dispatched` says that the call starts at once, so that it is charged by estimate if
        nothing more is heard of it. Raises InsufficientCredits when not even the least can be paid.
        """
        optional = {
            "input_leaves": None if input_leaves is None else list(input_leaves),
            "max_output_tokens": max_output_tokens,
            "min_output_tokens": min_output_tokens,
            "service_tier": service_tier,
            "tools": None if tools is None else dict(tools),
            "project": project,
            "agent": agent,
            "user": user,
            "run": run,
            "dispatched": dispatched,
            "ttl_seconds": ttl_seconds,
        }
        body = {"provider": provider, "model": model, "input_tokens": input_tokens} | _given(optional)
        return self._post("authorisations", body, Authorisation.read, _key(idempotency_key))

    def progress(self, hold_id: HoldId, seq: int, usage: Mapping[str, int]) -> Progress:
        """Report the usage of a running call so far and learn whether it may go on.

        `usage` is cumulative, by leaf; `seq` grows with each report, so that a repeated or late one changes nothing.
        """
        body = {"seq": seq, "usage": dict(usage)}
        return self._post(_hold_path(hold_id, "progress"), body, Progress.read, None)

    def settle(
        self,
        hold_id: HoldId,
        usage: Mapping[str, int],
        status: str = "completed",
        model: str | None = None,
        service_tier: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Charge a call for what it used and give the rest of its hold back.

        `usage`: tokens by leaf, without overlaps. `status`: completed, cancelled or failed. `model` and `service_tier`
        are what the provider's response named. Raises Conflict when the hold has ended already.
        """
        body = {"usage": dict(usage), "status": status} | _given({"model": model, "service_tier": service_tier})
        return self._post(_hold_path(hold_id, "settle"), body, Receipt.read, _key(idempotency_key))

    def release(self, hold_id: HoldId, *, idempotency_key: str | None = None) -> Release:
        """Give a hold back whose call was never made. Raises Conflict when it has ended or reported usage."""
        return self._post(_hold_path(hold_id, "release"), {}, Release.read, _key(idempotency_key))

    def models(self) -> tuple[Model, ...]:
        """The models this key may call, with this organisation's prices."""
        return self._get("models", lambda raw: tuple(Model.read(item) for item in raw["models"]))

    def balance(self) -> Balance:
        """The wallet's figures."""
        return self._get("balance", Balance.read)

    def receipt(self, hold_id: HoldId) -> Receipt:
        """The receipt of a settled call."""
        return self._get(f"receipts/{quote(str(hold_id), safe='')}", Receipt.read)

    def _post(self, path: str, body: Mapping[str, Any], read: Callable[[Any], T], key: str | None) -> T:
        return _understood(self._transport.call("POST", f"api/v1/{path}", body, key), read, key)

    def _get(self, path: str, read: Callable[[Any], T]) -> T:
        return _understood(self._transport.call("GET", f"api/v1/{path}", None, None), read, None)


def _hold_path(hold_id: HoldId, action: str) -> str:
    """Quoted, so that an id from elsewhere cannot lead to another address."""
    return f"authorisations/{quote(str(hold_id), safe='')}/{action}"


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were given: absent and null are not the same to the API."""
    return {name: value for name, value in fields.items() if value is not None}


def _key(given: str | None) -> str:
    """The caller's idempotency key or a new one. Raises ValueError for one that cannot stand in a header."""
    if given is None:
        return str(uuid4())
    if not re.fullmatch(r"[!-~]{1,200}", given):
        raise ValueError("an idempotency key is 1 to 200 printable ASCII characters without spaces")
    return given


def _understood(raw: Any, read: Callable[[Any], T], key: str | None) -> T:
    """The answer as its class. Raises UnexpectedAnswer when a field it needs is missing or of the wrong kind."""
    try:
        return read(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(f"{type(error).__name__}: {error}", key) from error
