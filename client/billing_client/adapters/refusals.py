"""Did the provider turn a call away, so that it costs nothing?

Errors are told apart by the names and fields that all three SDKs and their HTTP libraries share, since none of those
need be installed.
"""

from collections.abc import Mapping
from typing import Any

_UNREACHED = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "PoolTimeout"}
# Request Timeout, Client Closed Request, Gateway Timeout and its like at Cloudflare: somebody gave up waiting for a
# provider that may have gone on. https://developers.cloudflare.com/support/troubleshooting/http-status-codes/
_GIVEN_UP = {408, 499, 504, 524}
# A gateway got no answer that it could read, so the provider may have worked; it did not where the words are its own.
_GATEWAYS = {502, 520}
# What the SDKs raise for an error that is an event of a stream, whose status was 200.
_EVENTS = {"APIError", "APIStatusError"}


def refused(error: BaseException) -> bool:
    """True for an HTTP error status, an error that came as an event, and a connection that never stood.

    A time-out or a connection that broke says nothing: the provider may have done the work. Nor does a status that
    only tells of one (`unclear`).
    """
    status = _status(error)
    if status is not None:
        return not unclear(error)
    is_event = type(error).__name__ in _EVENTS and _body(error) is not None
    return is_event or _is_unreached(error)


def unclear(error: BaseException) -> bool:
    """True for an HTTP error status after which nobody knows whether the provider did the work."""
    status = _status(error)
    return status in _GIVEN_UP or (status in _GATEWAYS and not _is_of_provider(_body(error)))


def _status(error: BaseException) -> int | None:
    """The HTTP error status; None for an error that is none, such as SystemExit, which has a code as well."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status if isinstance(status, int) and 400 <= status < 600 and hasattr(error, "response") else None


def _body(error: BaseException) -> Any:
    """What came with an error: `body` of openai (what stands under "error") and anthropic, `details` of google."""
    body = getattr(error, "body", None)
    return getattr(error, "details", None) if body is None else body


def _is_of_provider(body: Any) -> bool:
    """Is this an error in the words of OpenAI, Anthropic or Gemini? Gateways have pages, or a message alone."""
    if not isinstance(body, Mapping):
        return False
    inner = body.get("error")
    return bool(inner.get("type") or inner.get("status")) if isinstance(inner, Mapping) else bool(body.get("type"))


def _is_unreached(error: BaseException) -> bool:
    """Along causes alone: the context of a fallback's error is the failure of the call before it, another one."""
    seen: BaseException | None = error
    while seen is not None:
        if _UNREACHED & {kind.__name__ for kind in type(seen).__mro__}:
            return True
        seen = seen.__cause__
    return False
