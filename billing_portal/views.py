"""Pages that belong to no app: error types, error pages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.problems import Forbidden, Malformed, NotFound, Problem, ServerError, all_problems


@require_safe
def problems(request: HttpRequest, code: str = "") -> HttpResponse:
    """Every error type of the API: when it comes, and what the caller does."""
    kinds = all_problems()
    if code and code not in {kind.code for kind in kinds}:
        raise Http404
    return render(request, "pages/problems.html", {"problems": kinds, "chosen": code})


def _wants_document(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _error(request: HttpRequest, problem: Problem) -> HttpResponse:
    if _wants_document(request):
        return problem.response()
    return render(request, "pages/error.html", {"problem": problem}, status=problem.status)


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
    return forbidden(request, PermissionError(reason))
