"""Error pages: what a browser is shown, and the problem document that a caller of the API gets, for the same error."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.problems import Forbidden, FormTooOld, Malformed, NotFound, Problem, ServerError
from common.requests import request_id


def _error(request: HttpRequest, problem: Problem) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return problem.response()
    context = {"problem": problem, "request_id": request_id()}
    return render(request, "pages/error.html", context, status=problem.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, NotFound())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, Malformed())


def server_error(request: HttpRequest) -> HttpResponse:
    """No template tags that ask the database: it may be what failed."""
    return _error(request, ServerError())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, Forbidden())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _error(request, FormTooOld())
