"""When a wrapped call costs nothing: the provider turned it away, never heard of it, or said nothing but an error."""

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from billing_client.adapters.events import fails
from billing_client.adapters.refusals import refused, unclear
from billing_client.adapters.tally import Tally
from google.genai.errors import APIError, ServerError

REQUEST = httpx2.Request("POST", "http://provider.example")
PAGE = "<html>Bad gateway</html>"


class Answered(Exception):
    """As an SDK raises an HTTP error; `body` is what came with it."""

    def __init__(self, status_code: int, body: object = None) -> None:
        self.status_code, self.response, self.body = status_code, object(), body


def wrapped(cause: Exception) -> Exception:
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = cause
    return error


def google(status: int, details: Any) -> Exception:
    return ServerError(status, details, httpx2.Response(status, request=REQUEST))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503, 529])
def test_refusals_cost_nothing(status: int) -> None:
    assert refused(Answered(status))
    assert not unclear(Answered(status))


@pytest.mark.parametrize("status", [408, 499, 504, 524])
def test_status_that_tells_of_a_time_out_is_no_refusal(status: int) -> None:
    error = {"error": {"type": "timeout_error", "message": "gave up"}}
    for found in (Answered(status), Answered(status, error), google(status, {"error": {"status": "CANCELLED"}})):
        assert not refused(found)
        assert unclear(found)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Answered(502, PAGE), False),
        (Answered(502, {"message": "Bad gateway"}), False),
        (Answered(502, {"error": {"message": "no answer from upstream", "code": 502}}), False),
        (Answered(520), False),
        (google(502, {"message": PAGE, "status": "Bad Gateway"}), False),
        (Answered(502, {"message": "overloaded", "type": "server_error"}), True),
        (Answered(502, {"type": "error", "error": {"type": "api_error", "message": "x"}}), True),
        (google(502, {"error": {"code": 502, "status": "UNAVAILABLE", "message": "x"}}), True),
    ],
)
def test_bad_gateway_is_a_refusal_only_in_the_providers_own_words(error: Exception, expected: bool) -> None:
    assert refused(error) is expected
    assert unclear(error) is not expected


def test_doubt_is_no_refusal() -> None:
    assert refused(wrapped(httpx2.ConnectError("")))
    assert not refused(wrapped(httpx2.ReadTimeout("")))
    assert not refused(openai.APITimeoutError(request=REQUEST))
    assert not refused(RuntimeError())
    assert not refused(SystemExit(500))


def fallback(raised: Callable[[], Exception]) -> Exception:
    """What a caller gets whose second call fails while it handles the failure of the first."""
    try:
        try:
            raise httpx2.ConnectError("the first choice is down")
        except httpx2.ConnectError:
            raise raised()  # noqa: B904  (as a call made in this place would)
    except Exception as error:
        return error


def test_failure_of_the_call_before_says_nothing_about_this_one() -> None:
    found = fallback(lambda: wrapped(httpx2.ReadTimeout("")))
    assert isinstance(found.__context__, httpx2.ConnectError)
    assert not refused(found)
    assert refused(fallback(lambda: wrapped(httpx2.ConnectError(""))))


def test_error_as_an_event_is_a_refusal_and_an_unreadable_answer_is_none() -> None:
    answer = httpx2.Response(200, request=REQUEST)
    said = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert refused(openai.APIError("down", REQUEST, body={"message": "down", "code": 502}))
    assert refused(anthropic.APIStatusError("Overloaded", response=answer, body=said))
    assert refused(APIError(503, {"error": {"code": 503, "status": "UNAVAILABLE"}}, answer))
    assert not refused(openai.APIResponseValidationError(answer, body={"choices": []}))
    assert not refused(openai.APIConnectionError(request=REQUEST))


ERROR = {"message": "down", "type": "server_error"}
FAILED = {"object": "response", "status": "failed", "error": ERROR, "output": [], "usage": None}
BEGUN = [{"type": "response.created", "response": {"status": "in_progress", "error": None, "usage": None}}]
TEXT = {"type": "response.output_text.delta", "delta": "four"}
SEARCH = {"type": "response.output_item.added", "item": {"type": "web_search_call"}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "error", "code": "server_error", "message": "x"}, True),
        ({"error": ERROR}, True),
        ({"type": "response.failed", "response": FAILED}, True),
        (FAILED, True),
        (BEGUN[0], False),
        ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, False),
        ({"choices": [], "error": None}, False),
    ],
)
def test_errors_in_place_of_an_answer_are_seen(event: dict[str, Any], expected: bool) -> None:
    assert fails(event) is expected


@pytest.mark.parametrize(
    ("events", "came", "status"),
    [
        ([*BEGUN, {"type": "response.failed", "response": FAILED}], False, "failed"),
        ([*BEGUN, {"type": "error", "message": "x"}], False, "failed"),
        ([*BEGUN, TEXT, {"type": "response.failed", "response": FAILED}], True, "failed"),
        ([*BEGUN, SEARCH, {"type": "response.failed", "response": FAILED}], True, "failed"),
        ([{"type": "response.failed", "response": FAILED | {"usage": {"input_tokens": 7}}}], True, "failed"),
        ([{"choices": [{"delta": {"role": "assistant", "content": ""}}]}], False, "failed"),
        ([*BEGUN, TEXT, {"type": "response.completed", "response": {"error": None}}], True, "completed"),
    ],
)
def test_stream_that_came_to_nothing_is_told_from_one_that_bills(
    events: list[dict[str, Any]], came: bool, status: str
) -> None:
    tally = Tally({}, 100, 7)
    for event in events:
        tally.add(event)
    assert (tally.came, tally.status) == (came, status)
    # A report of usage, or of none, would stand in the way of the release.
    assert tally.report_is_due() is came


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        ({"error": ERROR}, False),
        (FAILED, False),
        (FAILED | {"output": [{"type": "web_search_call"}]}, True),
        (FAILED | {"usage": {"input_tokens": 7, "output_tokens": 0}}, True),
        ({"error": ERROR, "choices": [{"message": {"content": "half"}}]}, True),
    ],
)
def test_whole_answer_that_is_nothing_but_an_error(answer: dict[str, Any], came: bool) -> None:
    tally = Tally({}, 100, 7)
    tally.add_whole(answer)
    assert (tally.failed, tally.came, tally.status) == (True, came, "failed")
