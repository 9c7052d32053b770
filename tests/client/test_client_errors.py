"""Problem documents become typed exceptions."""

import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from billing_client import (
    BillingClient,
    BillingError,
    Conflict,
    FieldError,
    Forbidden,
    InsufficientCredits,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthorised,
    Unavailable,
)
from billing_client.retries import retry_after_seconds

from tests.client.bodies import HOLD
from tests.client.conftest import NewClient
from tests.client.scripted_server import Reply, ScriptedServer

PROBLEM = {"Content-Type": "application/problem+json"}


def problem(status: int, code: str, **members: object) -> Reply:
    body = {"type": f"/problems/{code}", "title": "Title", "status": status, "code": code, "detail": "Words"}
    return Reply(status, body | members, PROBLEM)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, InvalidRequest),
        (401, Unauthorised),
        (402, InsufficientCredits),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
        (418, BillingError),
    ],
)
def test_each_status_has_its_exception(
    server: ScriptedServer, new_client: NewClient, status: int, expected: type[BillingError]
) -> None:
    server.script(problem(status, "some_code"))
    with pytest.raises(BillingError) as caught:
        new_client(server.url, max_retries=0).release(HOLD, idempotency_key="k")
    assert type(caught.value) is expected
    assert (caught.value.status, caught.value.code, caught.value.idempotency_key) == (status, "some_code", "k")
    assert str(caught.value) == f"{status} some_code: Words"


def test_refusal_carries_its_figures(server: ScriptedServer, client: BillingClient) -> None:
    server.script(
        problem(
            402,
            "budget_exceeded",
            available="0.000000001",
            required="1.5",
            affordable_output_tokens=0,
            limiting_scope="budget",
            resets_at="2026-12-01T00:00:00Z",
            top_up=None,
        )
    )
    with pytest.raises(InsufficientCredits) as caught:
        client.authorise("openai", "gpt-5", 10)
    refusal = caught.value
    assert (refusal.available, refusal.required) == (Decimal("0.000000001"), Decimal("1.5"))
    # 0 affordable and "not said" are two things.
    assert refusal.affordable_output_tokens == 0
    assert refusal.affordable_output_tokens is not None
    assert refusal.limiting_scope == "budget"
    assert refusal.resets_at is not None
    assert refusal.resets_at.isoformat() == "2026-12-01T00:00:00+00:00"
    assert refusal.problem.members["top_up"] is None


def test_refusal_with_a_broken_document_is_still_a_refusal(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(402, {"available": "much", "affordable_output_tokens": "many", "errors": {"a": 1}}))
    with pytest.raises(InsufficientCredits) as caught:
        client.authorise("openai", "gpt-5", 10)
    assert (caught.value.available, caught.value.required, caught.value.affordable_output_tokens) == (None, None, None)
    assert caught.value.code == "http_402"


def test_field_errors_are_listed_and_printed(server: ScriptedServer, client: BillingClient) -> None:
    server.script(problem(422, "invalid_fields", errors=[{"field": "input_tokens", "message": "is negative"}, "x"]))
    with pytest.raises(InvalidRequest, match="input_tokens: is negative") as caught:
        client.authorise("openai", "gpt-5", -1)
    assert caught.value.errors == (FieldError("input_tokens", "is negative"),)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[1]", b"\x00\xff", b"[" * 100_000])
def test_any_body_of_an_error_is_survived(server: ScriptedServer, client: BillingClient, body: bytes) -> None:
    server.script(Reply(403, body))
    with pytest.raises(Forbidden, match="http_403"):
        client.release(HOLD)


def test_key_is_in_no_error_and_no_repr(server: ScriptedServer, client: BillingClient) -> None:
    server.script(problem(401, "invalid_key"))
    with pytest.raises(Unauthorised) as caught:
        client.release(HOLD)
    assert "tb_test_secret" not in f"{caught.value!r} {caught.value} {client!r} {vars(client)!r}"


def test_error_survives_pickling(server: ScriptedServer, client: BillingClient) -> None:
    # Workers hand exceptions to their parent pickled; keyword-only constructors break there.
    server.script(problem(402, "insufficient_credits", available="1"))
    with pytest.raises(InsufficientCredits) as caught:
        client.release(HOLD)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), copy.available) == (InsufficientCredits, Decimal(1))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("9" * 5000, float("inf")),
        ("Wed, 25 Nov 2026 10:00:30 GMT", 30.0),
        ("Wed, 25 Nov 2026 09:00:00 GMT", 0.0),
        ("Wed, 99 Nov 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_header(value: str | None, seconds: float | None) -> None:
    now = datetime(2026, 11, 25, 10, tzinfo=UTC)
    assert retry_after_seconds(value, None, now) == seconds
