"""Refusals in the words of each provider: status, body and headers from which its SDK picks an exception class."""

from enum import Enum, auto
from typing import Any
from uuid import uuid4

from starlette.responses import JSONResponse


class Kind(Enum):
    """Why a request is refused."""

    MALFORMED = auto()
    NO_KEY = auto()
    WRONG_KEY = auto()
    EXPIRED = auto()
    FORBIDDEN = auto()
    UNKNOWN = auto()
    RATE = auto()
    SERVER = auto()
    OVERLOADED = auto()


class Refused(Exception):
    """A request that gets an error instead of an answer. `message` is for the person who reads the exception."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


# Status, type and code of each kind.
_OPENAI: dict[Kind, tuple[int, str, str | None]] = {
    Kind.MALFORMED: (400, "invalid_request_error", None),
    Kind.NO_KEY: (401, "invalid_request_error", None),
    Kind.WRONG_KEY: (401, "invalid_request_error", "invalid_api_key"),
    Kind.EXPIRED: (401, "invalid_request_error", "invalid_api_key"),
    Kind.FORBIDDEN: (403, "invalid_request_error", "missing_scope"),
    Kind.UNKNOWN: (404, "invalid_request_error", "model_not_found"),
    Kind.RATE: (429, "requests", "rate_limit_exceeded"),
    Kind.SERVER: (500, "server_error", None),
    Kind.OVERLOADED: (503, "server_error", "service_unavailable"),
}
_ANTHROPIC: dict[Kind, tuple[int, str]] = {
    Kind.MALFORMED: (400, "invalid_request_error"),
    Kind.NO_KEY: (401, "authentication_error"),
    Kind.WRONG_KEY: (401, "authentication_error"),
    Kind.EXPIRED: (401, "authentication_error"),
    Kind.FORBIDDEN: (403, "permission_error"),
    Kind.UNKNOWN: (404, "not_found_error"),
    Kind.RATE: (429, "rate_limit_error"),
    Kind.SERVER: (500, "api_error"),
    Kind.OVERLOADED: (529, "overloaded_error"),
}
_GOOGLE: dict[Kind, tuple[int, str]] = {
    Kind.MALFORMED: (400, "INVALID_ARGUMENT"),
    Kind.NO_KEY: (403, "PERMISSION_DENIED"),
    Kind.WRONG_KEY: (400, "INVALID_ARGUMENT"),
    Kind.EXPIRED: (401, "UNAUTHENTICATED"),
    Kind.FORBIDDEN: (403, "PERMISSION_DENIED"),
    Kind.UNKNOWN: (404, "NOT_FOUND"),
    Kind.RATE: (429, "RESOURCE_EXHAUSTED"),
    Kind.SERVER: (500, "INTERNAL"),
    Kind.OVERLOADED: (503, "UNAVAILABLE"),
}
_RETRY_SECONDS = 2


def response(provider: str, refused: Refused) -> JSONResponse:
    """The refusal as `provider` (openai, anthropic, google) sends it."""
    status, body, headers = _SHAPES[provider](refused)
    if refused.kind is Kind.RATE:
        headers["retry-after"] = str(_RETRY_SECONDS)
    return JSONResponse(body, status, headers)


def _openai(refused: Refused) -> tuple[int, dict[str, Any], dict[str, str]]:
    status, kind, code = _OPENAI[refused.kind]
    error = {"message": refused.message, "type": kind, "param": None, "code": code}
    return status, {"error": error}, {"x-request-id": f"req_{uuid4().hex}"}


def _anthropic(refused: Refused) -> tuple[int, dict[str, Any], dict[str, str]]:
    status, kind = _ANTHROPIC[refused.kind]
    request_id = f"req_{uuid4().hex}"
    error = {"type": kind, "message": refused.message}
    return status, {"type": "error", "error": error, "request_id": request_id}, {"request-id": request_id}


def _google(refused: Refused) -> tuple[int, dict[str, Any], dict[str, str]]:
    status, name = _GOOGLE[refused.kind]
    error: dict[str, Any] = {"code": status, "message": refused.message, "status": name}
    if refused.kind is Kind.WRONG_KEY:
        domain = "googleapis.com"
        error["details"] = [_detail("ErrorInfo", reason="API_KEY_INVALID", domain=domain)]
    if refused.kind is Kind.RATE:
        error["details"] = [_detail("RetryInfo", retryDelay=f"{_RETRY_SECONDS}s")]
    return status, {"error": error}, {}


def _detail(name: str, **values: str) -> dict[str, str]:
    return {"@type": f"type.googleapis.com/google.rpc.{name}", **values}


_SHAPES = {"openai": _openai, "anthropic": _anthropic, "google": _google}
