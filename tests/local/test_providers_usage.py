"""Every figure that a provider bills by can be scripted, and reaches the caller in the SDK's own types."""

import anthropic
import openai
from google import genai
from google.genai import types

from tests.local.asking import chat, content, messages, responses
from tests.local.conftest import headers


def test_leaves_of_a_chat_completion(openai_client: openai.OpenAI) -> None:
    usage = {
        "prompt_tokens": 9000,
        "completion_tokens": 700,
        "prompt_tokens_details": {
            "cached_tokens": 4000, "cache_write_tokens": 300, "audio_tokens": 200, "image_tokens": 100,
            "text_tokens": 8700,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 250, "audio_tokens": 50, "accepted_prediction_tokens": 20,
            "rejected_prediction_tokens": 30, "text_tokens": 350,
        },
    }  # fmt: skip
    *_, last = chat(openai_client, headers(usage), stream=True, stream_options={"include_usage": True})
    for told in (chat(openai_client, headers(usage)).usage, last.usage):
        assert told.model_dump() == {**usage, "total_tokens": 9700}


def test_leaves_of_a_response(openai_client: openai.OpenAI) -> None:
    usage = {
        "input_tokens": 300_000,
        "input_tokens_details": {
            "cached_tokens": 4000, "cache_write_tokens": 300,
            "cache_write_tokens_details": {"ttl_30m_tokens": 100, "ttl_12h_tokens": 200},
        },
        "output_tokens": 800,
        "output_tokens_details": {"reasoning_tokens": 640},
    }  # fmt: skip
    *_, last = responses(openai_client, headers(usage), stream=True)
    for told in (responses(openai_client, headers(usage)).usage, last.response.usage):
        assert told.model_dump() == {**usage, "total_tokens": 300_800}


def test_leaves_of_a_message(anthropic_client: anthropic.Anthropic) -> None:
    usage = {
        "input_tokens": 210_000,
        "cache_read_input_tokens": 30_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 400},
        "output_tokens": 900,
        "output_tokens_details": {"thinking_tokens": 500},
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2},
        "service_tier": "priority",
        "speed": "fast",
        "inference_geo": "us",
    }
    told = messages(anthropic_client, headers(usage)).usage
    assert told.model_dump() == {**usage, "cache_creation_input_tokens": 1400}


def test_a_cache_write_without_lifetimes_has_no_split(anthropic_client: anthropic.Anthropic) -> None:
    told = messages(anthropic_client, headers({"cache_creation_input_tokens": 700})).usage
    assert (told.cache_creation_input_tokens, told.cache_creation) == (700, None)


def test_leaves_of_content(google_client: genai.Client) -> None:
    usage = {
        "promptTokenCount": 250_000,
        "cachedContentTokenCount": 9000,
        "candidatesTokenCount": 700,
        "thoughtsTokenCount": 1300,
        "toolUsePromptTokenCount": 60,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 200_000},
            {"modality": "AUDIO", "tokenCount": 30_000},
            {"modality": "VIDEO", "tokenCount": 20_000},
        ],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 9000}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 700}],
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 60}],
        "trafficType": "ON_DEMAND_PRIORITY",
    }
    *_, last = content(google_client, headers(usage), stream=True)
    expected = types.GenerateContentResponseUsageMetadata(**{**usage, "totalTokenCount": 252_060})
    for answer in (content(google_client, headers(usage)), last):
        assert answer.usage_metadata == expected


def test_scripted_sums_stay_as_they_are(openai_client: openai.OpenAI, google_client: genai.Client) -> None:
    assert chat(openai_client, headers({"total_tokens": 1})).usage.total_tokens == 1
    assert content(google_client, headers({"totalTokenCount": 1})).usage_metadata.total_token_count == 1


def test_a_usage_object_can_replace_the_computed_one(anthropic_client: anthropic.Anthropic) -> None:
    told = messages(anthropic_client, headers({"input_tokens": 5, "output_tokens": 0}, replace_usage=True)).usage
    assert told.model_dump(exclude_unset=True) == {"input_tokens": 5, "output_tokens": 0}


def test_model_and_tier_can_be_other_than_asked(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, google_client: genai.Client
) -> None:
    answer = chat(openai_client, headers(model="gpt-5.2-2026-01-01", service_tier="flex"), service_tier="priority")
    assert (answer.model, answer.service_tier) == ("gpt-5.2-2026-01-01", "flex")
    assert chat(openai_client, headers(), service_tier="fast").service_tier == "priority"
    message = messages(anthropic_client, headers(model="claude-opus-4-6-preview", service_tier="batch"))
    assert (message.model, message.usage.service_tier) == ("claude-opus-4-6-preview", "batch")
    assert content(google_client, headers(model="gemini-2.5-flash-002")).model_version == "gemini-2.5-flash-002"


def test_searches_of_a_chat_are_its_citations(openai_client: openai.OpenAI) -> None:
    script = headers(tool_calls={"web_search": 2})
    assert len(chat(openai_client, script).choices[0].message.annotations) == 2


def test_a_long_answer_is_as_long_as_scripted(openai_client: openai.OpenAI) -> None:
    answer = chat(openai_client, headers(output_tokens=12_400, input_tokens=28_900))
    assert answer.usage.completion_tokens == 12_400
    assert answer.usage.prompt_tokens == 28_900
    assert 40_000 < len(answer.choices[0].message.content) < 90_000
