"""Problem documents: every kind says what happened and what to do, and none says what went on inside."""

import json

import psycopg_pool
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.test import Client
from rest_framework import exceptions

from common.problem_handler import problem_of
from common.problems import Problem, Unavailable, all_problems

KINDS = pytest.mark.parametrize("kind", all_problems(), ids=lambda kind: kind.code)


@KINDS
def test_a_kind_explains_itself_and_links_to_its_page(kind: type[Problem]) -> None:
    for text in (kind.title, kind.meaning, kind.remedy):
        assert text.strip() == text
        assert text
    answer = kind("More about it.", extra="1").response()
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = json.loads(answer.content)
    assert answer.status_code == document["status"] == kind.status
    expected = {"code": kind.code, "title": kind.title, "detail": "More about it.", "extra": "1"}
    assert expected.items() <= document.items()
    assert document["type"] == f"{settings.SITE_URL}/problems/{kind.code}"


@KINDS
def test_the_link_leads_to_an_explanation(kind: type[Problem]) -> None:
    page = Client().get(f"/problems/{kind.code}")
    assert page.status_code == 200
    assert kind.code in page.content.decode()


def test_codes_are_unique_and_an_unknown_one_has_no_page() -> None:
    codes = [kind.code for kind in all_problems()]
    assert len(codes) == len(set(codes)) >= 15
    assert Client().get("/problems/no_such_code").status_code == 404


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("the server is starting up"), 503),
        (InterfaceError("connection is closed"), 503),
        (psycopg_pool.PoolTimeout("no connection in 5 s"), 503),
        (IntegrityError("duplicate key: secret detail"), 500),
        (DatabaseError("secret detail"), 500),
        (ZeroDivisionError("secret detail"), 500),
        (Http404("secret detail"), 404),
        (PermissionDenied("secret detail"), 404),
        (exceptions.NotAuthenticated(), 404),
        (exceptions.MethodNotAllowed("PUT"), 405),
        (exceptions.UnsupportedMediaType("text/xml"), 415),
        (exceptions.ParseError("secret detail"), 400),
        (RequestDataTooBig("secret detail"), 413),
        (TooManyFieldsSent("secret detail"), 400),
        (Unavailable(), 503),
    ],
)
def test_any_error_becomes_a_problem_that_tells_nothing_of_the_inside(error: Exception, status: int) -> None:
    answer = problem_of(error).response()
    assert answer.status_code == status
    assert b"secret detail" not in answer.content
    assert (answer.headers.get("Retry-After") == "1") == (status == 503)


def test_a_refused_key_is_told_which_scheme_is_wanted() -> None:
    answers = {kind: kind().response() for kind in all_problems()}
    assert {kind.status for kind, a in answers.items() if "WWW-Authenticate" in a.headers} == {401}
