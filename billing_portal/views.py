"""Error pages: what a browser is shown, and the problem document that a caller of the API gets, for the same error."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.problems import Forbidden, Malformed, NotFound, Problem, ServerError
from common.requests import request_id


class Told(NamedTuple):
    """What a page says: a person has no key to repeat with and no field to mend."""

    status: int
    title: str
    meaning: str
    remedy: str


NOT_FOUND = Told(
    404,
    "There is no such page here",
    "The address is unknown, or what it names belongs to somebody else; the two look the same on purpose.",
    "Check the address. If somebody sent it to you, ask which organisation it belongs to.",
)
BAD_REQUEST = Told(
    400,
    "The request can't be read",
    "The browser sent something that makes no sense here, such as a wrong host or far too many fields.",
    "Open the page again from the start.",
)
SERVER_ERROR = Told(
    500,
    "The server failed",
    "An error on our side, which is logged under the id below. What you sent was carried out whole or not at all.",
    "Try again in a minute. If it stays, tell the platform's support the id.",
)
FORBIDDEN = Told(
    403,
    "This is not yours to do",
    "You are signed in, but your role doesn't include this.",
    "Ask somebody whose role includes it: an owner or admin of the organisation.",
)
FORM_TOO_OLD = Told(
    403,
    "This form can't be taken",
    "It was open for too long, or it was sent from another place. Nothing was done.",
    "Open the page again and fill it in once more. Cookies of this site have to be allowed.",
)
TOO_MANY = Told(
    429,
    "Too many attempts",
    "So that nobody can try passwords or fill mailboxes from here, the number of attempts is limited.",
    "Wait five minutes, then try again.",
)


def _error(request: HttpRequest, problem: Problem, told: Told) -> HttpResponse:
    return problem.response() if request.path_info.startswith("/api/") else _page(request, told)


def _page(request: HttpRequest, told: Told) -> HttpResponse:
    context = {"told": told, "request_id": request_id()}
    return render(request, "pages/error.html", context, status=told.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, NotFound(), NOT_FOUND)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, Malformed(), BAD_REQUEST)


def server_error(request: HttpRequest) -> HttpResponse:
    """No template tags that ask the database: it may be what failed."""
    return _error(request, ServerError(), SERVER_ERROR)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, Forbidden(), FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _error(request, Forbidden(), FORM_TOO_OLD)


def too_many(request: HttpRequest) -> HttpResponse:
    """Signing in and asking for a new password are limited; the API has problem documents for its own limits."""
    return _page(request, TOO_MANY)
