import asyncio
from itertools import pairwise

import openai

from tests.local.conftest import headers

QUESTION = [{"role": "user", "content": "What did the agents cost today?" * 4}]


def test_a_chat_completion_has_text_usage_and_the_dated_model(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(model="gpt-5.2", messages=QUESTION, extra_headers=headers())
    assert len(answer.choices[0].message.content) > 200
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-5.2-2025-12-11"
    assert answer.service_tier == "default"
    assert answer.usage.prompt_tokens == 31
    assert answer.usage.total_tokens == 31 + answer.usage.completion_tokens
    assert answer.usage.completion_tokens >= 90


def test_a_streamed_chat_gives_the_same_text_and_its_usage_in_a_chunk_without_choices(
    openai_client: openai.OpenAI,
) -> None:
    ask = {"model": "gpt-5.2", "messages": QUESTION, "extra_headers": headers(seed=3, output_tokens=200)}
    whole = openai_client.chat.completions.create(**ask)
    chunks = list(openai_client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks[:-1] if c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert [c for c in chunks[:-1] if c.usage] == []
    assert len({c.id for c in chunks}) == 1


def test_a_streamed_chat_tells_no_usage_unless_asked(openai_client: openai.OpenAI) -> None:
    chunks = list(
        openai_client.chat.completions.create(model="gpt-5.2", messages=QUESTION, stream=True, extra_headers=headers())
    )
    assert all(c.choices for c in chunks)
    assert [c.usage for c in chunks if c.usage] == []


def test_the_limit_of_a_chat_ends_it(openai_client: openai.OpenAI) -> None:
    for limit in ({"max_completion_tokens": 40}, {"max_tokens": 40}):
        answer = openai_client.chat.completions.create(
            model="gpt-4o", messages=QUESTION, **limit, extra_headers=headers(output_tokens=500)
        )
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens == 40


def test_reasoning_counts_against_the_limit(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(
        model="gpt-5.2", messages=QUESTION, max_completion_tokens=100,
        extra_headers=headers(reasoning_tokens=80, output_tokens=50),
    )  # fmt: skip
    assert answer.usage.completion_tokens == 100
    assert answer.usage.completion_tokens_details.reasoning_tokens == 80


def test_a_response_has_items_text_and_usage(openai_client: openai.OpenAI) -> None:
    answer = openai_client.responses.create(
        model="gpt-5.2", input="Is the balance right?", service_tier="flex",
        extra_headers=headers(text="It is.", reasoning_tokens=12, tool_calls={"web_search": 2, "file_search": 1}),
    )  # fmt: skip
    assert answer.output_text == "It is."
    assert answer.status == "completed"
    assert [item.type for item in answer.output] == [
        "reasoning", "web_search_call", "web_search_call", "file_search_call", "message",
    ]  # fmt: skip
    assert answer.tool_usage.web_search.num_requests == 2
    assert answer.service_tier == "flex"
    assert (answer.usage.output_tokens, answer.usage.output_tokens_details.reasoning_tokens) == (14, 12)
    assert answer.usage.total_tokens == answer.usage.input_tokens + 14


def test_the_events_of_a_response_come_in_the_order_of_the_api(openai_client: openai.OpenAI) -> None:
    script = headers(text="All is paid.", tool_calls={"code_execution": 1})
    events = list(openai_client.responses.create(model="gpt-5.2", input="?", stream=True, extra_headers=script))
    kinds = [event.type.removeprefix("response.") for event in events if event.type != "response.output_text.delta"]
    assert kinds == [
        "created", "in_progress",
        "output_item.added", "code_interpreter_call.in_progress", "code_interpreter_call.interpreting",
        "code_interpreter_call.completed", "output_item.done",
        "output_item.added", "content_part.added", "output_text.done", "content_part.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert all(later.sequence_number == earlier.sequence_number + 1 for earlier, later in pairwise(events))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "All is paid."
    assert events[0].response.usage is None
    assert events[-1].response.output_text == "All is paid."


def test_the_limit_makes_a_response_incomplete(openai_client: openai.OpenAI) -> None:
    ask = {"model": "gpt-5.2", "input": "?", "max_output_tokens": 20, "extra_headers": headers(output_tokens=300)}
    answer = openai_client.responses.create(**ask)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.usage.output_tokens == 20
    *_, last = openai_client.responses.create(**ask, stream=True)
    assert last.type == "response.incomplete"
    assert last.response.usage == answer.usage


def test_the_helper_for_streams_collects_the_final_response(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="gpt-5.2", input="?", extra_headers=headers(text="Ready.")) as stream:
        assert stream.get_final_response().output_text == "Ready."


def test_the_async_client_is_answered_alike(providers: str) -> None:
    async def talk() -> None:
        base = f"{providers}/openai/v1"
        async with openai.AsyncOpenAI(api_key="sk-local", base_url=base, max_retries=0) as client:
            ask = {"model": "gpt-5.2", "messages": QUESTION, "extra_headers": headers(text="Twelve dollars.")}
            answer = await client.chat.completions.create(**ask)
            assert answer.choices[0].message.content == "Twelve dollars."
            stream = await client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})
            assert [c.usage async for c in stream][-1] == answer.usage
            events = await client.responses.create(model="gpt-5.2", input="?", stream=True, extra_headers=headers())
            assert [e.type async for e in events][-1] == "response.completed"

    asyncio.run(talk())
