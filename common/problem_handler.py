"""From any exception to the problem document that a caller gets."""

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions

from common.problems import (
    Malformed,
    MethodNotAllowed,
    NotFound,
    Problem,
    ServerError,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)

log = structlog.get_logger("problems")


def problem_of(error: Exception) -> Problem:
    """The problem that says what this exception means to a caller; what was not foreseen is logged and becomes 500."""
    match error:
        case Problem():
            return error
        case OperationalError() | InterfaceError() | PoolTimeout():
            log.warning("database unavailable", error=str(error).strip())
            return Unavailable()
        case Http404() | exceptions.NotFound():
            return NotFound()
        case RequestDataTooBig():
            return TooLarge()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed(f"{error.detail}")
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType()
        case exceptions.ParseError() | UnicodeDecodeError():
            return Malformed("The body is not valid JSON.")
        case SuspiciousOperation():  # Django's word for a request out of all proportion, such as 1,001 parameters
            return Malformed()
        case PermissionDenied() | exceptions.PermissionDenied() | exceptions.NotAuthenticated():
            return NotFound()
        case DatabaseError():
            log.exception("database error")
            return ServerError()
    log.exception("unforeseen error", exc_info=error)
    return ServerError()


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER."""
    return problem_of(error).response()
