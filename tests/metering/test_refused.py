"""An answer that is nothing but an error used nothing; one that came after the model had begun is estimated."""

from typing import Any

import pytest

from metering.normalising import normalise
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, verified

SLUGS = ["openai", "anthropic", "google", "some-gateway"]
OPENAI = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
ANTHROPIC = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
EVENT = {"type": "error", "code": "server_error", "message": "It failed", "param": None, "sequence_number": 0}
DELTA = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}}


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "answer",
    [
        OPENAI,
        ANTHROPIC,
        {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}},
        [{"error": {"code": 503, "status": "UNAVAILABLE"}}],
        EVENT,
        [EVENT],
        [ANTHROPIC, ANTHROPIC],
        {"error": "model is loading"},
        {"object": "error", "message": "max_tokens is too large", "code": 400},
        OPENAI | {"message": "Rate limit reached"},
        OPENAI | {"usage": None, "choices": [], "model": "model"},
        {"error": {}},
    ],
    ids=repr,
)
def test_nothing_but_an_error(slug: str, answer: Any) -> None:
    found = normalise(slug, answer)
    assert (found.refused, found.complete, found.leaves) == (True, False, {})


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "answer",
    [
        [{"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}, ANTHROPIC],
        [DELTA, ANTHROPIC],
        [{"choices": [{"index": 0, "delta": {"content": "Hel"}}]}, OPENAI],
        [{"type": "response.created", "response": {"status": "in_progress", "usage": None}}, EVENT],
        [{"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]}, {"error": {"code": 500}}],
        OPENAI | {"choices": [{"index": 0, "message": {"content": "Hel"}}]},
        OPENAI | {"usage": {"prompt_tokens": 5}},
        {"type": "message", "content": [{"type": "text", "text": "Hel"}], "usage": None, "error": {"type": "x"}},
        {"choices": [], "error": None},
        {"usage": None},
        {"usage": None, "error": ""},
    ],
    ids=repr,
)
def test_an_answer_that_had_begun(slug: str, answer: Any) -> None:
    found = normalise(slug, answer)
    assert (found.refused, found.complete) == (False, False)


def test_a_complete_answer_is_never_a_refusal() -> None:
    assert normalise("openai", {"error": None, "usage": {"prompt_tokens": 5, "completion_tokens": 1}}).refused is False
    assert normalise("openai", {"error": {"code": "x"}, "prompt_tokens": 5, "completion_tokens": 1}).refused is False


@pytest.mark.parametrize("progress", [{}, {"input": 0, "output": 0}])
def test_a_refused_call_costs_nothing(tenant: Tenant, api: Api, progress: dict[str, int]) -> None:
    make_model({"input": "3", "output": "15", "request": "1000"}, provider="openai")
    call = api.authorise(provider="openai", input_tokens=100, max_output_tokens=50, dispatched=True).json()["id"]
    if progress:
        api.progress(call, 1, **progress)
    body = {"provider_response": [EVENT], "status": "failed"}
    receipt = api.send("POST", f"authorisations/{call}/settle", body, key="s").json()
    assert (receipt["charged"], receipt["leaves"], receipt["estimated"]) == ("0.000000000", [], False)
    assert receipt["flags"] == ["The provider answered with an error: nothing was used."]
    assert one("SELECT count(*) FROM wallets_transfer WHERE hold_id IS NOT NULL") == (0,)
    verified()
