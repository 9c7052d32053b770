"""The one door that every request of the openai and anthropic SDKs goes through: their client's `request`."""

import copy
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from billing_client.adapters.dialects import Dialect
from billing_client.adapters.options import Options
from billing_client.call_errors import NotMetered

Choice = Callable[[str, Mapping[str, Any]], Dialect | None]
_RAW = "x-stainless-raw-response"


def behind_door(sdk: Any, metering: Any, options: Options, choose: Choice) -> Any:
    """A copy of the SDK's client, on the same connections, whose requests are metered.

    `choose` gives the dialect for a path and body of a POST, None where the request is free; it raises `NotMetered`
    for what would cost money unseen.
    """
    original, known = getattr(sdk, "_unmetered", (sdk, Options()))
    options = known | options
    metered = original.copy()
    metered._unmetered = (original, options)
    metered.request = _door(original, metering, options, choose)
    metered.copy = metered.with_options = lambda **new: behind_door(original.copy(**new), metering, options, choose)
    return metered


def _door(sdk: Any, metering: Any, options: Options, choose: Choice) -> Callable[..., Any]:
    # Synchronous for both kinds of client: an asynchronous one gives the coroutine on.
    def request(cast_to: Any, asked: Any, *, stream: bool = False, stream_cls: Any = None) -> Any:
        body = {**(asked.json_data or {}), **(asked.extra_json or {})} if isinstance(asked.json_data, Mapping) else {}
        dialect = choose(urlsplit(asked.url).path, body) if asked.method.lower() == "post" else None
        if dialect is None:
            return sdk.request(cast_to, asked, stream=stream, stream_cls=stream_cls)
        _refuse_raw(asked.headers)
        body = {name: list(value) if _is_iterator(value) else value for name, value in body.items() if _is_said(value)}

        def send(clamped: Mapping[str, Any]) -> Any:
            return sdk.request(cast_to, _with_body(asked, clamped), stream=stream, stream_cls=stream_cls)

        return (metering.stream if stream else metering.answer)(dialect, body, options, send)

    return request


def _with_body(asked: Any, body: Mapping[str, Any]) -> Any:
    sent = copy.copy(asked)
    sent.json_data, sent.extra_json = dict(body), None
    return sent


def _refuse_raw(headers: Any) -> None:
    if isinstance(headers, Mapping) and any(name.lower() == _RAW for name in headers):
        raise NotMetered("Raw responses are not read here, so their usage is not known.")


def _is_said(value: Any) -> bool:
    """The anthropic SDK drops what was left out only later."""
    return type(value).__name__ not in ("Omit", "NotGiven")


def _is_iterator(value: Any) -> bool:
    """Messages may be given as a generator, which can be read only once and is needed twice."""
    return hasattr(value, "__next__")


def wrong_kind(sdk: Any) -> TypeError:
    """One of the two clients waits for answers and the other does not, or it is no client at all."""
    return TypeError(
        "BillingClient wraps OpenAI, Anthropic and google.genai.Client, AsyncBillingClient their asynchronous twins "
        f"(of google.genai its Client.aio), neither wraps {type(sdk).__name__} here"
    )
