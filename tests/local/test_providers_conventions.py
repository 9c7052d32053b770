"""Keys, paths, headers and lists, in the ways of current and former SDKs; what is asked wrongly is refused."""

from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.local.asking import chat, content, messages
from tests.local.conftest import headers

CHAT = {"model": "gpt-5.2", "messages": [{"role": "user", "content": "?"}]}
MESSAGE = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": [{"role": "user", "content": "?"}]}
CONTENT = {"contents": [{"role": "user", "parts": [{"text": "?"}]}]}


def test_a_wrong_key_raises_each_sdks_own_exception(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    with pytest.raises(openai.AuthenticationError) as refused:
        chat(openai_client.with_options(api_key="sk-wrong"), headers())
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(anthropic.AuthenticationError) as denied:
        messages(anthropic_client.with_options(api_key="wrong"), headers())
    assert denied.value.type == "authentication_error"
    with pytest.raises(errors.ClientError) as invalid:
        content(google_client, headers() | {"x-goog-api-key": "wrong"})
    assert invalid.value.code == 400
    assert invalid.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/openai/v1/chat/completions", CHAT, 401),
        ("/anthropic/v1/messages", MESSAGE, 401),
        ("/google/v1/models/gemini-2.5-pro:generateContent", CONTENT, 403),
    ],
)
def test_without_a_key_nothing_is_answered(http: httpx.Client, path: str, body: Any, status: int) -> None:
    refused = http.post(path, json=body, headers={"anthropic-version": "2023-06-01"})
    assert refused.status_code == status
    assert refused.json()["error"]["message"]


@pytest.mark.parametrize("key", [{"x-api-key": "k"}, {"authorization": "Bearer k"}, {"authorization": "bearer k"}])
@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_anthropic_takes_both_headers_and_any_version(http: httpx.Client, key: dict[str, str], version: str) -> None:
    sent = {**key, "anthropic-version": version, **headers()}
    assert http.post("/anthropic/v1/messages", json=MESSAGE, headers=sent).json()["type"] == "message"


def test_anthropic_wants_a_version(http: httpx.Client) -> None:
    refused = http.post("/anthropic/v1/messages", json=MESSAGE, headers={"x-api-key": "k"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_gemini_answers_under_both_versions(providers: str, version: str) -> None:
    options = types.HttpOptions(base_url=f"{providers}/google", api_version=version)
    with genai.Client(api_key="k", http_options=options) as client:
        assert content(client, headers(text="Yes.")).text == "Yes."
        assert list(client.models.list())


def test_gemini_takes_the_key_in_the_address(http: httpx.Client) -> None:
    path = "/google/v1beta/models/gemini-2.5-pro:generateContent"
    assert http.post(path, json=CONTENT, params={"key": "k"}, headers=headers()).status_code == 200
    assert http.post(path, json=CONTENT, params={"key": "wrong"}, headers=headers()).status_code == 400


def test_gemini_takes_names_in_snake_case(http: httpx.Client) -> None:
    path = "/google/v1beta/models/gemini-2.5-pro:generateContent"
    body = {**CONTENT, "generation_config": {"max_output_tokens": 7}, "service_tier": "FLEX"}
    answer = http.post(path, json=body, params={"key": "k"}, headers=headers())
    assert answer.json()["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer.headers["x-gemini-service-tier"] == answer.json()["usageMetadata"]["serviceTier"] == "flex"


def test_models_are_listed_in_each_providers_shape(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    listed = {model.id: model for model in openai_client.models.list()}
    assert listed["gpt-5.2"].owned_by == "system"
    assert openai_client.models.retrieve("gpt-5.2") == listed["gpt-5.2"]
    [haiku] = [m for m in anthropic_client.models.list() if m.id == "claude-haiku-4-5-20251001"]
    assert (haiku.line, haiku.lifecycle, haiku.max_tokens) == ("haiku", "active", 64_000)
    assert haiku.capabilities.thinking.supported
    assert haiku.capabilities.server_tools.web_search.supported
    assert anthropic_client.models.retrieve("claude-haiku-4-5").id == haiku.id
    [pro] = [m for m in google_client.models.list() if m.name == "models/gemini-2.5-pro"]
    assert (pro.input_token_limit, pro.output_token_limit, pro.thinking) == (1_048_576, 65_536, True)
    assert "generateContent" in pro.supported_actions
    assert google_client.models.get(model="gemini-2.5-pro").name == pro.name


def test_lists_come_in_pages(anthropic_client: anthropic.Anthropic, google_client: genai.Client) -> None:
    whole = [model.id for model in anthropic_client.models.list()]
    first = anthropic_client.models.list(limit=2)
    assert (first.has_more, [m.id for m in first.data]) == (True, whole[:2])
    assert [m.id for m in first] == whole
    last = anthropic_client.models.list(limit=2, before_id=whole[3])
    assert ([m.id for m in last.data], last.has_more) == (whole[1:3], True)
    pager = google_client.models.list(config={"page_size": 1})
    assert len(pager.page) == 1
    assert [m.name for m in pager] == [m.name for m in google_client.models.list()]


def test_an_unknown_model_is_the_providers_404(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        openai_client.chat.completions.create(**CHAT | {"model": "gpt-0"})
    assert refused.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError, match="claude-0"):
        anthropic_client.messages.create(**MESSAGE | {"model": "claude-0"})
    with pytest.raises(errors.ClientError) as unknown:
        google_client.models.generate_content(model="gemini-0", contents="?")
    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")


def test_an_alias_for_the_latest_is_served_by_the_model(anthropic_client: anthropic.Anthropic) -> None:
    ask = MESSAGE | {"model": "claude-opus-4-6-latest"}
    assert anthropic_client.messages.create(**ask, extra_headers=headers()).model == "claude-opus-4-6"


BAD = [
    ("/openai/v1/chat/completions", CHAT | {"messages": []}),
    ("/openai/v1/chat/completions", CHAT | {"max_completion_tokens": 0}),
    ("/openai/v1/chat/completions", CHAT | {"max_tokens": 128_001}),
    ("/openai/v1/chat/completions", CHAT | {"service_tier": "cheap"}),
    ("/openai/v1/responses", {"model": "gpt-5.2"}),
    ("/anthropic/v1/messages", {k: v for k, v in MESSAGE.items() if k != "max_tokens"}),
    ("/anthropic/v1/messages", MESSAGE | {"max_tokens": 64_001}),
    ("/google/v1/models/gemini-2.5-pro:generateContent", {"contents": []}),
    ("/google/v1/models/gemini-2.5-pro:generateContent", CONTENT | {"generationConfig": {"maxOutputTokens": "many"}}),
]


@pytest.mark.parametrize(("path", "body"), BAD)
def test_a_malformed_request_is_the_providers_400(http: httpx.Client, path: str, body: Any) -> None:
    sent = {"authorization": "Bearer k", "x-goog-api-key": "k", "anthropic-version": "2026-10-21"}
    for refused in (
        http.post(path, json=body, headers=sent),
        http.post(path, content="{", headers=sent),
    ):
        assert refused.status_code == 400
        error = refused.json()["error"]
        assert error.get("type", error.get("status")) in ("invalid_request_error", "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "script",
    [
        {"x-local-script": "{"},
        {"x-local-script": '{"colour": "red"}'},
        {"x-local-script": '{"output_tokens": -1}'},
        {"x-local-script": '{"tool_calls": {"web_fetch": 1}}'},  # chat completions have none
        {"x-local-usage": "[]"},
        {"x-local-pace": "0"},
        {"x-local-pace": "fast"},
    ],
)
def test_a_script_that_makes_no_sense_is_refused(openai_client: openai.OpenAI, script: dict[str, str]) -> None:
    with pytest.raises(openai.BadRequestError, match="x-local-"):
        chat(openai_client, script)
