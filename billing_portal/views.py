"""Error pages: what a browser is shown, and the problem document that a caller of the API gets, for the same error."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.problems import Forbidden, Malformed, NotFound, Problem, ServerError
from common.requests import request_id


class Told(NamedTuple):
    """What a page says: a person has no key to repeat with and no field to mend."""

    problem: Problem
    title: str
    meaning: str
    remedy: str


NOT_FOUND = Told(
    NotFound(),
    "There is no such page here",
    "The address is unknown, or what it names belongs to somebody else; the two look the same on purpose.",
    "Check the address. If somebody sent it to you, ask which organisation it belongs to.",
)
BAD_REQUEST = Told(
    Malformed(),
    "The request can't be read",
    "The browser sent something that makes no sense here, such as a wrong host or far too many fields.",
    "Open the page again from the start.",
)
SERVER_ERROR = Told(
    ServerError(),
    "The server failed",
    "An error on our side, which is logged under the id below. What you sent was carried out whole or not at all.",
    "Try again in a minute. If it stays, tell the platform's support the id.",
)
FORBIDDEN = Told(
    Forbidden(),
    "This is not yours to do",
    "You are signed in, but your role doesn't include this.",
    "Ask somebody whose role includes it: an owner or admin of the organisation.",
)
FORM_TOO_OLD = Told(
    Forbidden(),
    "This form can't be taken",
    "It was open for too long, or it was sent from another place. Nothing was done.",
    "Open the page again and fill it in once more. Cookies of this site have to be allowed.",
)


def _error(request: HttpRequest, told: Told) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return told.problem.response()
    context = {"told": told, "status": told.problem.status, "request_id": request_id()}
    return render(request, "pages/error.html", context, status=told.problem.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, NOT_FOUND)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, BAD_REQUEST)


def server_error(request: HttpRequest) -> HttpResponse:
    """No template tags that ask the database: it may be what failed."""
    return _error(request, SERVER_ERROR)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _error(request, FORM_TOO_OLD)
