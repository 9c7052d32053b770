"""The calls of the API: what each sends and how its answer is read. Both clients send these."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

from billing_client.answers import Authorisation, Balance, Progress, Release
from billing_client.attempts import Request, unreadable
from billing_client.prices import Model
from billing_client.receipts import Receipt
from billing_client.responses import as_json

T = TypeVar("T")
HoldId = UUID | str


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One call of the API: the request, and `read` for its answer."""

    request: Request
    read: Callable[[Any], T]

    def understood(self, raw: Any) -> T:
        """The answer as its class. Raises UnexpectedAnswer when a field it needs is missing or of the wrong kind."""
        try:
            return self.read(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise unreadable(f"{type(error).__name__}: {error}", self.request.key) from error


def authorise(
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
) -> Operation[Authorisation]:
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
    return _post("authorisations", body, Authorisation.read, checked_key(idempotency_key))


def progress(
    hold_id: HoldId, seq: int, usage: Mapping[str, int], *, deadline: float | None = None
) -> Operation[Progress]:
    """Report the usage of a running call so far and learn whether it may go on.

    `usage` is cumulative, by leaf; `seq` grows with each report, so that a repeated or late one changes nothing.
    `deadline`: seconds for this report with its retries, where the client's own would hold up a stream too long.
    """
    body = {"seq": seq, "usage": dict(usage)}
    path = f"api/v1/{_hold_path(hold_id, 'progress')}"
    return Operation(Request("POST", path, body, None, deadline), Progress.read)


def settle(
    hold_id: HoldId,
    usage: Mapping[str, int] | None = None,
    status: str = "completed",
    model: str | None = None,
    service_tier: str | None = None,
    *,
    provider_response: object = None,
    idempotency_key: str | None = None,
) -> Operation[Receipt]:
    """Charge a call for what it used and give the rest of its hold back.

    Either `usage`: tokens by leaf, without overlaps, with `model` and `service_tier` as the provider named them. Or
    `provider_response`: the provider's answer as it is (an SDK's object, its JSON, a list of stream events), which the
    server reads, estimating what it doesn't say. `status`: completed, cancelled or failed. Raises ValueError for
    neither or both, Conflict when the hold has ended already.
    """
    if (usage is None) == (provider_response is None):
        raise ValueError("a call is settled with its usage or with the provider's response, one of the two")
    what = {"usage": usage, "provider_response": as_json(provider_response)}
    body = {"status": status} | _given(what | {"model": model, "service_tier": service_tier})
    return _post(_hold_path(hold_id, "settle"), body, Receipt.read, checked_key(idempotency_key))


def release(hold_id: HoldId, *, idempotency_key: str | None = None) -> Operation[Release]:
    """Give a hold back whose call was never made. Raises Conflict when it has ended or reported usage."""
    return _post(_hold_path(hold_id, "release"), {}, Release.read, checked_key(idempotency_key))


def models() -> Operation[tuple[Model, ...]]:
    """The models this key may call, with this organisation's prices."""
    return _get("models", lambda raw: tuple(Model.read(item) for item in raw["models"]))


def balance() -> Operation[Balance]:
    """The wallet's figures."""
    return _get("balance", Balance.read)


def receipt(hold_id: HoldId) -> Operation[Receipt]:
    """The receipt of a settled call."""
    return _get(f"receipts/{quote(str(hold_id), safe='')}", Receipt.read)


def checked_key(given: str | None) -> str:
    """The caller's idempotency key or a new one. Raises ValueError for one that cannot stand in a header."""
    if given is None:
        return str(uuid4())
    if not re.fullmatch(r"[!-~]{1,200}", given):
        raise ValueError("an idempotency key is 1 to 200 printable ASCII characters without spaces")
    return given


def _post(path: str, body: Mapping[str, Any], read: Callable[[Any], T], key: str) -> Operation[T]:
    return Operation(Request("POST", f"api/v1/{path}", body, key), read)


def _get(path: str, read: Callable[[Any], T]) -> Operation[T]:
    return Operation(Request("GET", f"api/v1/{path}", None, None), read)


def _hold_path(hold_id: HoldId, action: str) -> str:
    """Quoted, so that an id from elsewhere cannot lead to another address."""
    return f"authorisations/{quote(str(hold_id), safe='')}/{action}"


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were given: absent and null are not the same to the API."""
    return {name: value for name, value in fields.items() if value is not None}
