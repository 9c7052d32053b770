"""The API reference and the pages of the errors: all that the description has, and examples that are taken."""

import json
import re
import shlex
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from common.problems import Problem, all_problems
from metering import requests
from metering.reference import KEY, Operation, Reference, read
from metering.schema import document
from tests.api import Api
from tests.factories import Tenant, make_model

SITE = "http://testserver"
PAGE = "/api/reference/"


def text_of(path: str) -> str:
    answer = Client().get(path)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


@pytest.fixture(scope="module")
def reference() -> Reference:
    return read(document(), SITE)


@pytest.fixture(scope="module")
def page() -> str:
    return text_of(PAGE)


# --- What is there --------------------------------------------------------------------------------------------------
def section(page: str, operation: Operation) -> str:
    found = re.search(rf'<section id="{operation.anchor}".*?</section>', page, re.S)
    assert found
    return found[0]


def test_every_operation_is_there_with_all_that_the_description_has(page: str, reference: Reference) -> None:
    described = {(m.upper(), path): op for path, methods in document()["paths"].items() for m, op in methods.items()}
    assert {(op.method, op.path) for op in reference.operations} == set(described)
    for operation in reference.operations:
        shown, said = section(page, operation), described[operation.method, operation.path]
        parameters = [parameter["name"] for parameter in said.get("parameters", [])]
        for word in (operation.path, operation.method, *operation.scopes, *parameters):
            assert word in shown, word
        for status in said["responses"]:
            assert f">{status}" in shown or f" {status}," in shown, status
        for name in (operation.body, operation.answer):
            for field in document()["components"]["schemas"].get(name, {}).get("properties", {}):
                assert f"<code>{field}</code>" in shown, f"{operation.path}: {field}"


def test_limits_defaults_and_values_are_said(page: str) -> None:
    authorise = page[page.index('id="authorisations_create"') :]
    for said in ("30 to 86,400; default <code>600</code>", "0 to 2,000,000,000", "1 to 200 characters", "list of <a"):
        assert said in authorise
    assert "<code>cancelled</code>, <code>completed</code>, <code>failed</code>" in page


def test_every_field_of_every_object_has_words(reference: Reference) -> None:
    silent = [
        f"{schema.name}.{field.name}" for schema in reference.schemas for field in schema.fields if not field.note
    ]
    silent += [f"{op.path} {p.name}" for op in reference.operations for p in op.parameters if not p.note]
    assert silent == []


def test_all_anchors_are_unique_and_every_link_within_leads_to_one(page: str) -> None:
    anchors = re.findall(r' id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert {link for link in re.findall(r'href="#([^"]+)"', page) if link != "main"} <= set(anchors)


def test_it_needs_no_script_and_nothing_from_elsewhere(page: str) -> None:
    main = page[page.index("<main") :]
    assert "<script" not in main
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert " style=" not in page


# --- Examples -------------------------------------------------------------------------------------------------------
def test_every_body_has_an_example_that_is_taken(reference: Reference) -> None:
    for name in {operation.body for operation in reference.operations if operation.body}:
        for example in document()["components"]["schemas"][name]["examples"]:
            requests.decode(getattr(requests, name), json.dumps(example).encode())


def paste(command: str, secret: str, hold: str) -> Any:
    """Send what a shell would make of the command."""
    parts = shlex.split(command.replace("\\\n", " ").replace(KEY, secret).replace("$(uuidgen)", f"id-{hold}"))
    options = list(pairwise(parts))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    method = next((value for option, value in options if option == "-X"), "GET")
    body = next((value for option, value in options if option == "-d"), "")
    address = next(part for part in parts if part.startswith(SITE)).removeprefix(SITE)
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", hold, address)
    return Client().generic(method, address, body, headers.pop("Content-Type", "text/plain"), headers=headers)


def test_every_curl_example_works_as_pasted(reference: Reference, tenant: Tenant, api: Api) -> None:
    make_model({"input": "1", "output": "2"}, name="claude-haiku-4-5", provider="anthropic")
    holds = {
        name: api.authorise(provider="anthropic", model="claude-haiku-4-5", input_tokens=10).json()["id"]
        for name in ("progress", "settle", "release", "receipts", "")
    }
    api.settle(holds["receipts"], output=1)
    for operation in reference.operations:
        hold = next(hold for name, hold in holds.items() if name in operation.path)
        answer = paste(operation.curl, tenant.secret, hold)
        assert answer.status_code == operation.status, f"{operation.path}: {answer.content!r}"


# --- Errors ---------------------------------------------------------------------------------------------------------
def test_every_error_of_an_operation_links_to_its_page(page: str, reference: Reference) -> None:
    known = {kind.code: kind.status for kind in all_problems()}
    for operation in reference.operations:
        for errors in operation.errors:
            for code in errors.codes:
                assert known[code] == errors.status
                assert f'href="/problems/{code}"' in section(page, operation)


@pytest.mark.parametrize("kind", all_problems(), ids=lambda kind: kind.code)
def test_a_kind_of_error_has_a_page_with_an_answer_as_it_comes(kind: type[Problem]) -> None:
    page = text_of(f"/problems/{kind.code}")
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.S)
    assert shown
    head, _, body = shown[1].partition("\n\n")
    assert head.startswith(f"HTTP/1.1 {kind.status} ")
    assert ("Retry-After: " in head) == (kind.retry_after is not None)
    assert json.loads(body) == kind(**kind.example).document()
    for words in (kind.title, "When it comes", "What to do", "Send it again?"):
        assert words in page


def test_an_errors_page_says_where_it_comes_and_whether_to_repeat() -> None:
    refused = text_of("/problems/insufficient_credits")
    assert f"{PAGE}#authorisations_create" in refused
    assert f"{PAGE}#balance_retrieve" not in refused
    assert "with a new Idempotency-Key" in refused
    assert "same Idempotency-Key" in text_of("/problems/unavailable")


def test_every_error_type_is_on_the_list() -> None:
    page = text_of("/problems/")
    assert all(f'href="/problems/{kind.code}"' in page for kind in all_problems())


# --- The document ---------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_document_is_made_once_and_costs_no_query() -> None:
    assert document() is document()
    for kind in ("json", "yaml"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            first, again = (Client().get(f"/api/v1/schema?format={kind}") for _ in range(2))
        assert first.content == again.content
        assert len(queries) == 0
    assert Client().get("/api/v1/schema").headers["Content-Type"] == "application/vnd.oai.openapi"
    as_json = Client().get("/api/v1/schema", headers={"Accept": "application/json"})
    assert json.loads(as_json.content)["paths"].keys() == document()["paths"].keys()
