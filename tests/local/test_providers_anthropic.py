import asyncio

import anthropic

from tests.local.conftest import headers

ASK = {"model": "claude-haiku-4-5", "max_tokens": 500, "messages": [{"role": "user", "content": "How much is left?"}]}


def test_a_message_has_text_usage_and_the_dated_model(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(**ASK, system="Be brief.", extra_headers=headers())
    assert len(message.content[0].text) > 200
    assert message.stop_reason == "end_turn"
    assert message.model == "claude-haiku-4-5-20251001"
    assert message.usage.input_tokens == 7
    assert message.usage.output_tokens >= 90
    assert message.usage.service_tier == "standard"


def test_a_model_without_dated_snapshot_keeps_its_name(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(**ASK | {"model": "claude-opus-4-6"}, extra_headers=headers())
    assert message.model == "claude-opus-4-6"


def test_the_events_tell_usage_at_the_start_and_in_the_end(anthropic_client: anthropic.Anthropic) -> None:
    usage = {"input_tokens": 40, "cache_read_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 5}}
    script = headers(usage, text="About four dollars.", reasoning_tokens=6)
    events = list(anthropic_client.messages.create(**ASK, stream=True, extra_headers=script))
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    assert kinds == [
        "message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    start, delta = events[0].message.usage, events[-2].usage
    assert (start.input_tokens, start.output_tokens, start.cache_read_input_tokens) == (40, 1, 9)
    assert start.cache_creation.ephemeral_1h_input_tokens == 5
    assert start.cache_creation_input_tokens == delta.cache_creation_input_tokens == 5
    assert (delta.input_tokens, delta.cache_read_input_tokens) == (40, 9)
    assert delta.output_tokens == 9
    assert delta.output_tokens_details.thinking_tokens == 6
    assert not hasattr(delta, "cache_creation")
    assert not hasattr(delta, "service_tier")


def test_thinking_and_text_arrive_piece_by_piece(anthropic_client: anthropic.Anthropic) -> None:
    ask = ASK | {"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    with anthropic_client.messages.stream(**ask, extra_headers=headers(text="Enough for two days.")) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == "Enough for two days."
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking
    assert message.content[0].signature
    assert message.content[1].text == "Enough for two days."


def test_tools_of_the_provider_leave_blocks_and_are_counted(anthropic_client: anthropic.Anthropic) -> None:
    script = headers(text="Found.", tool_calls={"web_search": 2, "web_fetch": 1, "code_execution": 1})
    message = anthropic_client.messages.create(**ASK, extra_headers=script)
    assert [block.type for block in message.content] == [
        *("server_tool_use", "web_search_tool_result") * 2,
        *("server_tool_use", "web_fetch_tool_result", "server_tool_use", "code_execution_tool_result", "text"),
    ]
    assert message.usage.server_tool_use.web_search_requests == 2
    assert message.usage.server_tool_use.web_fetch_requests == 1
    with anthropic_client.messages.stream(**ASK, extra_headers=script) as stream:
        streamed = stream.get_final_message()
    assert [block.type for block in streamed.content] == [block.type for block in message.content]
    assert streamed.usage.server_tool_use == message.usage.server_tool_use


def test_the_limit_ends_a_message(anthropic_client: anthropic.Anthropic) -> None:
    ask = ASK | {"max_tokens": 25}
    message = anthropic_client.messages.create(**ask, extra_headers=headers(output_tokens=400))
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 25)
    *_, delta, _ = anthropic_client.messages.create(**ask, stream=True, extra_headers=headers(output_tokens=400))
    assert (delta.delta.stop_reason, delta.usage.output_tokens) == ("max_tokens", 25)


def test_counted_tokens_are_those_a_message_is_told(anthropic_client: anthropic.Anthropic) -> None:
    ask = {"model": ASK["model"], "messages": ASK["messages"], "system": "Count this too."}
    counted = anthropic_client.messages.count_tokens(**ask)
    message = anthropic_client.messages.create(**ask, max_tokens=5, extra_headers=headers())
    assert counted.input_tokens == message.usage.input_tokens == 8


def test_the_async_client_is_answered_alike(providers: str) -> None:
    async def talk() -> None:
        base = f"{providers}/anthropic"
        async with anthropic.AsyncAnthropic(api_key="sk-ant-local", base_url=base, max_retries=0) as client:
            message = await client.messages.create(**ASK, extra_headers=headers(text="Nine."))
            assert message.content[0].text == "Nine."
            async with client.messages.stream(**ASK, extra_headers=headers(text="Nine.")) as stream:
                assert (await stream.get_final_message()).usage == message.usage
            assert (await client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"])).input_tokens == 5

    asyncio.run(talk())
