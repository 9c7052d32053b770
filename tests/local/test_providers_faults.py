"""Each fault reaches the caller as the exception that the provider's SDK has for it."""

import re
import time
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors

from tests.local.asking import chat, content, messages, responses
from tests.local.conftest import headers


@pytest.mark.parametrize(
    ("fault", "raised", "code"),
    [
        ("400", openai.BadRequestError, None),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("403", openai.PermissionDeniedError, "missing_scope"),
        ("404", openai.NotFoundError, "model_not_found"),
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, "service_unavailable"),
    ],
)
@pytest.mark.parametrize("ask", [chat, responses])
@pytest.mark.parametrize("stream", [False, True])
def test_refusals_of_openai(
    openai_client: openai.OpenAI, ask: Any, stream: bool, fault: str, raised: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(raised) as caught:
        ask(openai_client, headers(fault=fault), stream=stream)
    assert caught.value.status_code == int(fault)
    assert caught.value.code == code
    assert caught.value.request_id.startswith("req_")
    assert ("retry-after" in caught.value.response.headers) == (fault == "429")


@pytest.mark.parametrize(
    ("fault", "raised", "kind"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error"),
        ("401", anthropic.AuthenticationError, "authentication_error"),
        ("403", anthropic.PermissionDeniedError, "permission_error"),
        ("404", anthropic.NotFoundError, "not_found_error"),
        ("429", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
        ("529", anthropic.OverloadedError, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_refusals_of_anthropic(
    anthropic_client: anthropic.Anthropic, stream: bool, fault: str, raised: type[anthropic.APIStatusError], kind: str
) -> None:
    with pytest.raises(raised) as caught:
        messages(anthropic_client, headers(fault=fault), stream=stream)
    assert caught.value.status_code == int(fault)
    assert caught.value.type == kind
    assert caught.value.request_id == caught.value.body["request_id"]
    assert ("retry-after" in caught.value.response.headers) == (fault == "429")


@pytest.mark.parametrize(
    ("fault", "raised", "status"),
    [
        ("400", errors.ClientError, "INVALID_ARGUMENT"),
        ("401", errors.ClientError, "UNAUTHENTICATED"),
        ("403", errors.ClientError, "PERMISSION_DENIED"),
        ("404", errors.ClientError, "NOT_FOUND"),
        ("429", errors.ClientError, "RESOURCE_EXHAUSTED"),
        ("500", errors.ServerError, "INTERNAL"),
        ("503", errors.ServerError, "UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_refusals_of_google(
    google_client: genai.Client, stream: bool, fault: str, raised: type[errors.APIError], status: str
) -> None:
    with pytest.raises(raised) as caught:
        list(content(google_client, headers(fault=fault), stream=stream))
    assert (caught.value.code, caught.value.status) == (int(fault), status)


def test_a_client_that_retries_gets_through(http: httpx.Client, openai_client: openai.OpenAI, journal: Any) -> None:
    http.post("/_local/faults", json={"fault": "500", "times": 1}).raise_for_status()
    patient = openai_client.with_options(max_retries=1)
    assert chat(patient, headers(text="At last.")).choices[0].message.content == "At last."
    assert [entry["status"] for entry in journal()] == [500, 200]


def test_slow_waits_before_the_first_byte(openai_client: openai.OpenAI) -> None:
    begun = time.monotonic()
    assert chat(openai_client, headers(fault="slow;seconds=0.3")).usage
    assert time.monotonic() - begun > 0.3
    with pytest.raises(openai.APITimeoutError):
        chat(openai_client.with_options(timeout=0.2), headers(fault="slow"))


CUT = "cut;after=0.6"
LONG = {"output_tokens": 200}


@pytest.mark.parametrize("ask", [chat, responses])
def test_a_cut_stream_of_openai_breaks_after_some_text(openai_client: openai.OpenAI, ask: Any, journal: Any) -> None:
    seen: list[Any] = []
    with pytest.raises(openai.APIConnectionError):
        seen.extend(ask(openai_client, headers(fault=CUT, **LONG), stream=True))
    assert len(seen) >= 4
    [entry] = journal()
    assert entry["ended"] == "cut"
    assert 0 < entry["sent_tokens"] < 200


def test_a_cut_stream_of_anthropic_breaks_after_some_text(anthropic_client: anthropic.Anthropic, journal: Any) -> None:
    seen: list[Any] = []
    with pytest.raises(httpx2.RemoteProtocolError):
        seen.extend(messages(anthropic_client, headers(fault=CUT, **LONG), stream=True))
    kinds = [event.type for event in seen]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "content_block_delta"
    assert 0 < journal()[0]["sent_tokens"] < 200


def test_a_cut_stream_of_google_breaks_after_some_text(google_client: genai.Client) -> None:
    seen: list[Any] = []
    with pytest.raises(httpx2.RemoteProtocolError):
        seen.extend(content(google_client, headers(fault=CUT, **LONG), stream=True))
    assert seen[-1].usage_metadata.candidates_token_count < 200
    assert seen[-1].candidates[0].finish_reason is None


def test_a_cut_answer_in_one_piece_is_a_broken_connection(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    with pytest.raises(openai.APIConnectionError):
        chat(openai_client, headers(fault="cut"))
    with pytest.raises(anthropic.APIConnectionError):
        messages(anthropic_client, headers(fault="cut"))
    with pytest.raises(httpx2.RemoteProtocolError):
        content(google_client, headers(fault="cut"))


def test_a_short_stream_ends_in_good_order_without_its_last_events(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    short = headers(fault="short", **LONG)
    assert [
        c.usage for c in chat(openai_client, short, stream=True, stream_options={"include_usage": True}) if c.usage
    ] == []
    *_, last = responses(openai_client, short, stream=True)
    assert last.type == "response.output_text.delta"
    *_, last = messages(anthropic_client, short, stream=True)
    assert last.type == "content_block_delta"
    *_, last = content(google_client, short, stream=True)
    assert last.candidates[0].finish_reason is None


def test_usage_can_be_absent(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    absent = headers(fault="no_usage")
    assert chat(openai_client, absent).usage is None
    chunks = list(chat(openai_client, absent, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert responses(openai_client, absent).usage is None
    *_, last = responses(openai_client, absent, stream=True)
    assert (last.type, last.response.usage) == ("response.completed", None)
    assert messages(anthropic_client, absent).usage is None
    start, *_, delta, stop = messages(anthropic_client, absent, stream=True)
    assert (start.message.usage, delta.usage, stop.type) == (None, None, "message_stop")
    assert content(google_client, absent).usage_metadata is None
    assert [c for c in content(google_client, absent, stream=True) if c.usage_metadata] == []


def test_usage_can_contradict_itself(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    absurd = headers(fault="contradiction")
    told = chat(openai_client, absurd).usage
    assert told.prompt_tokens_details.cached_tokens > told.prompt_tokens
    assert told.total_tokens != told.prompt_tokens + told.completion_tokens
    told = responses(openai_client, absurd).usage
    assert told.input_tokens_details.cached_tokens > told.input_tokens
    assert told.total_tokens != told.input_tokens + told.output_tokens
    told = messages(anthropic_client, absurd).usage
    assert told.cache_creation.ephemeral_5m_input_tokens > told.cache_creation_input_tokens
    assert told.output_tokens_details.thinking_tokens > told.output_tokens
    told = content(google_client, absurd).usage_metadata
    assert told.cached_content_token_count > told.prompt_token_count
    assert told.total_token_count != told.prompt_token_count + told.candidates_token_count


def test_a_fault_that_does_not_exist_is_named(openai_client: openai.OpenAI) -> None:
    for fault in ("teapot", "slow;hours=2", "slow;seconds=long"):
        with pytest.raises(openai.BadRequestError, match=re.escape(fault)):
            chat(openai_client, headers(fault=fault))
