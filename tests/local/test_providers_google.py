import asyncio
from itertools import pairwise

from google import genai
from google.genai import types

from tests.local.conftest import headers


def config(script: dict[str, str], **values: object) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(http_options=types.HttpOptions(headers=script), **values)


def ask(client: genai.Client, script: dict[str, str], model: str = "gemini-2.5-flash", **values: object):
    return client.models.generate_content(
        model=model, contents="How many tokens today?", config=config(script, **values)
    )


def stream(client: genai.Client, script: dict[str, str], model: str = "gemini-2.5-flash", **values: object):
    return list(
        client.models.generate_content_stream(
            model=model, contents="How many tokens today?", config=config(script, **values)
        )
    )


def test_content_has_text_usage_and_model(google_client: genai.Client) -> None:
    answer = ask(google_client, headers())
    assert len(answer.text) > 200
    assert answer.model_version == "gemini-2.5-flash"
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.thoughts_token_count) == (6, None)
    assert usage.candidates_token_count >= 90
    assert usage.total_token_count == 6 + usage.candidates_token_count


def test_a_thinking_model_thinks_beside_its_candidates(google_client: genai.Client) -> None:
    usage = ask(google_client, headers(), model="gemini-2.5-pro").usage_metadata
    assert usage.thoughts_token_count >= 30
    assert usage.total_token_count == 6 + usage.candidates_token_count + usage.thoughts_token_count
    calm = types.ThinkingConfig(thinking_budget=0)
    assert (
        ask(google_client, headers(), "gemini-2.5-pro", thinking_config=calm).usage_metadata.thoughts_token_count
        is None
    )


def test_chunks_carry_running_totals(google_client: genai.Client) -> None:
    usage = {"candidatesTokenCount": 1000, "thoughtsTokenCount": 500, "cachedContentTokenCount": 4}
    chunks = stream(google_client, headers(usage, output_tokens=120, reasoning_tokens=30))
    told = [chunk.usage_metadata for chunk in chunks]
    assert len(told) > 5
    assert all(now.total_token_count <= then.total_token_count for now, then in pairwise(told))
    assert told[0].total_token_count < told[-1].total_token_count == 1506
    assert (told[-1].candidates_token_count, told[-1].thoughts_token_count) == (1000, 500)
    assert {t.cached_content_token_count for t in told} == {4}
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]
    assert len({chunk.response_id for chunk in chunks}) == 1


def test_thoughts_are_shown_on_request_only(google_client: genai.Client) -> None:
    script = headers(text="Twelve thousand.", reasoning_tokens=20)
    shown = stream(google_client, script, thinking_config=types.ThinkingConfig(include_thoughts=True))
    parts = [part for chunk in shown for part in chunk.candidates[0].content.parts]
    assert "".join(part.text for part in parts if not part.thought) == "Twelve thousand."
    assert [part for part in parts if part.thought]
    hidden = [part for chunk in stream(google_client, script) for part in chunk.candidates[0].content.parts]
    assert [part for part in hidden if part.thought] == []


def test_the_limit_ends_content(google_client: genai.Client) -> None:
    answer = ask(google_client, headers(output_tokens=300, reasoning_tokens=10), max_output_tokens=50)
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert (answer.usage_metadata.candidates_token_count, answer.usage_metadata.thoughts_token_count) == (40, 10)
    last = stream(google_client, headers(output_tokens=300), max_output_tokens=50)[-1]
    assert last.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


def test_searches_pages_and_code_are_told_with_the_candidate(google_client: genai.Client) -> None:
    script = headers(text="Found.", tool_calls={"web_search": 3, "web_fetch": 2, "code_execution": 1})
    for answer in (ask(google_client, script), stream(google_client, script)[-1]):
        candidate = answer.candidates[0]
        assert len(candidate.grounding_metadata.web_search_queries) == 3
        assert len(candidate.url_context_metadata.url_metadata) == 2
        assert [p for p in candidate.content.parts if p.executable_code]


def test_the_tier_that_served_stands_in_the_headers(google_client: genai.Client) -> None:
    served = ask(google_client, headers(), service_tier="flex").sdk_http_response.headers
    assert served["x-gemini-service-tier"] == "flex"
    served = ask(google_client, headers(service_tier="standard"), service_tier="priority").sdk_http_response.headers
    assert served["x-gemini-service-tier"] == "standard"


def test_counted_tokens_are_those_content_is_told(google_client: genai.Client) -> None:
    counted = google_client.models.count_tokens(model="gemini-2.5-pro", contents="How many tokens today?")
    assert counted.total_tokens == ask(google_client, headers()).usage_metadata.prompt_token_count == 6


def test_the_async_client_is_answered_alike(providers: str) -> None:
    async def talk() -> None:
        options = types.HttpOptions(base_url=f"{providers}/google")
        async with genai.Client(api_key="AIza-local", http_options=options).aio as client:
            ask = {"model": "gemini-2.5-flash", "contents": "?", "config": config(headers(text="Nine."))}
            answer = await client.models.generate_content(**ask)
            assert answer.text == "Nine."
            chunks = [chunk async for chunk in await client.models.generate_content_stream(**ask)]
            assert "".join(chunk.text for chunk in chunks) == "Nine."
            assert chunks[-1].usage_metadata == answer.usage_metadata

    asyncio.run(talk())
