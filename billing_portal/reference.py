"""Pages about the API: its reference, and a page for each kind of error. Public, and made once in each process."""

import functools
import json
from typing import NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from common.problems import Problem, all_problems
from metering.reference import Operation, Reference, read
from metering.schema import document


class Advice(NamedTuple):
    """Whether a refused request may be sent again."""

    tag: str
    word: str
    sentence: str


@functools.cache
def _reference() -> Reference:
    return read(document(), settings.SITE_URL)


@functools.cache
def _body() -> SafeString:
    # A thousand rows of fields take a tenth of a second to write, and never differ.
    return render_to_string("parts/reference.html", {"reference": _reference()})


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Every operation and every object of the API."""
    return render(request, "pages/reference.html", {"body": _body()})


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """All kinds of error, each with a line."""
    return render(request, "pages/problems.html", {"problems": all_problems()})


@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """One kind of error: when it comes, how it looks, what the caller does."""
    kind = next((kind for kind in all_problems() if kind.code == code), None)
    if kind is None:
        raise Http404
    context = {"kind": kind, "answer": _answer(kind), "operations": _raising(code), "again": _again(kind)}
    return render(request, "pages/problem.html", context)


def _answer(kind: type[Problem]) -> str:
    """An answer as it comes: the class writes it itself, with the members of its example."""
    response = kind(**kind.example).response()
    lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
    lines += [f"{name}: {value}" for name, value in response.items()]
    return "\n".join([*lines, "", json.dumps(json.loads(response.content), indent=2, ensure_ascii=False)])


def _raising(code: str) -> list[Operation]:
    return [found for found in _reference().operations if any(code in errors.codes for errors in found.errors)]


def _again(kind: type[Problem]) -> Advice:
    if kind.status >= 500:
        return Advice("ok", "Yes", "Unchanged and with the same Idempotency-Key: it is carried out at most once.")
    if kind.status == 402:
        return Advice("wait", "Later", "Once there are credits, and with a new Idempotency-Key.")
    return Advice("bad", "Not unchanged", "The same request gets the same answer.")
