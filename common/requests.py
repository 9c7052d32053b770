"""One id per request, in the answer's header, in every log line and in the audit trail."""

import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar

import structlog
from django.http import HttpRequest, HttpResponseBase

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_SAFE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TOKEN = re.compile(r"/reset/key/.*")  # opens an account until it is used
log = structlog.get_logger("request")


def request_id() -> str:
    """The id of the request in hand, "" outside of one."""
    return _request_id.get()


def id_for(given: str) -> str:
    """The id of a request whose caller gave it this one: goes into logs and a header, so only plain characters."""
    return given if _SAFE.fullmatch(given) else uuid.uuid4().hex


class RequestIdMiddleware:
    """Outermost: takes a sane id from the caller or makes one, and writes one line per request after the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        own = id_for(request.headers.get("X-Request-Id", ""))
        token, started = _request_id.set(own), time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=own)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
            _request_id.reset(token)
        response.headers["X-Request-Id"] = own
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")  # figures of one organisation, or of one moment
            log.info("answered", request_id=own, **_line(request, response, started))
        return response


def _line(request: HttpRequest, response: HttpResponseBase, started: float) -> dict[str, object]:
    path = _TOKEN.sub("/reset/key/…", request.path)
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    return {"method": request.method, "path": path, "status": response.status_code, "ms": milliseconds}
