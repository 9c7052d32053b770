"""Bad input over a real web process: bodies by size and by chunks, headers, raw bytes on the wire."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests import cast
from tests.api import Api
from tests.factories import Tenant

MEGABYTE = b" " * 1_000_000
GOOD = json.dumps({"provider": "test", "model": "model", "input_tokens": 10}).encode()
HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "new"}


@pytest.fixture(autouse=True)
def nothing_changes(tenant: Tenant) -> Iterator[None]:
    cast.model_for_all()
    before = cast.contents()
    yield
    assert cast.contents() == before


def post(server: str, tenant: Tenant, content: object, **headers: str) -> httpx.Response:
    sent = HEADERS | {"Authorization": f"Bearer {tenant.secret}"} | headers
    return httpx.post(f"{server}/api/v1/authorisations", content=content, headers=sent, timeout=30)  # type: ignore[arg-type]


def is_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


def raw(server: str, request: bytes, *, ends: bool = False) -> bytes:
    """Send bytes, stop there if it `ends`, and read until the server closes."""
    url = urlsplit(server)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(request)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_ten_megabytes_are_refused(server: str, tenant: Tenant) -> None:
    is_problem(post(server, tenant, MEGABYTE * 10), 413, "too_large")


def test_ten_megabytes_in_chunks_without_a_length_are_refused(server: str, tenant: Tenant) -> None:
    is_problem(post(server, tenant, iter([MEGABYTE] * 10)), 413, "too_large")


def test_a_body_above_the_limit_by_one_byte_is_refused_in_chunks_too(server: str, tenant: Tenant) -> None:
    body = GOOD + b" " * (64 * 1024 - len(GOOD) + 1)
    is_problem(post(server, tenant, body), 413, "too_large")
    is_problem(post(server, tenant, iter([body[:100], body[100:]])), 413, "too_large")


def test_the_server_goes_on_after_a_large_body(server: str, tenant: Tenant) -> None:
    post(server, tenant, MEGABYTE * 10)
    assert Api(tenant, server).get("balance").status_code == 200


def test_text_is_refused_before_it_is_read(server: str, tenant: Tenant) -> None:
    is_problem(post(server, tenant, MEGABYTE, **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")


@pytest.mark.parametrize("value", ["A" * 60_000, "\x01", "tb_" + "x" * 100])
def test_a_key_of_any_size_is_just_wrong(server: str, tenant: Tenant, value: str) -> None:
    answer = post(server, tenant, GOOD, Authorization=f"Bearer {value}")
    assert 400 <= answer.status_code < 500
    assert tenant.secret not in answer.text


def request_of(tenant: Tenant, *lines: str, body: bytes = GOOD, path: str = "/api/v1/authorisations") -> bytes:
    """A request as bytes: `lines` are header lines beside the usual ones."""
    head = [
        f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "Content-Type: application/json",
        f"Authorization: Bearer {tenant.secret}", *lines,
    ]  # fmt: skip
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


LENGTH = f"Content-Length: {len(GOOD)}"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Length: ten", "Idempotency-Key: k"], GOOD),
        (["Content-Length: -5", "Idempotency-Key: k"], GOOD),
        ([LENGTH, "Content-Length: 5", "Idempotency-Key: k"], GOOD),
        (["Transfer-Encoding: chunked", "Idempotency-Key: k"], b"zz\r\nnot a chunk\r\n"),
        (["Transfer-Encoding: gzip", "Idempotency-Key: k"], GOOD),
        ([LENGTH, "Idempotency-Key: a\x00b"], GOOD),
        ([LENGTH, "Idempotency-Key: k", "Authorization: Bearer other"], GOOD),
        ([LENGTH, "Idempotency-Key: k", "no colon here"], GOOD),
        ([LENGTH, "Idempotency_Key: k"], GOOD),  # an underscore is not a hyphen: the header is missing
        ([LENGTH, "Idempotency-Key: k", "Host: evil.example"], GOOD),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)
def test_headers_on_the_wire_that_can_not_be_right(server: str, tenant: Tenant, lines: list[str], body: bytes) -> None:
    answer = raw(server, request_of(tenant, *lines, body=body))
    status = int(answer.split(b" ", 2)[1])
    assert 400 <= status < 500, answer
    assert tenant.secret.encode() not in answer


def test_a_body_that_ends_early_is_not_taken(server: str, tenant: Tenant) -> None:
    answer = raw(server, request_of(tenant, "Idempotency-Key: k", "Content-Length: 5000"), ends=True)
    assert not answer or 400 <= int(answer.split(b" ", 2)[1]) < 500


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS", "PUT", "G@T"])
def test_a_method_out_of_place(server: str, tenant: Tenant, method: str) -> None:
    sent = request_of(tenant, LENGTH, "Idempotency-Key: k").replace(b"POST", method.encode(), 1)
    answer = raw(server, sent)
    assert int(answer.split(b" ", 2)[1]) in (400, 404, 405)
    assert tenant.secret.encode() not in answer


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/authorisations",
        "/api/v1//authorisations",
        "/api/v1/%2e%2e/v1/authorisations",
        "/API/v1/authorisations",
    ],
)
def test_another_spelling_of_the_address_leads_nowhere(server: str, tenant: Tenant, path: str) -> None:
    answer = raw(server, request_of(tenant, LENGTH, "Idempotency-Key: k", path=path))
    assert int(answer.split(b" ", 2)[1]) == 404
