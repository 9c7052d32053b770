"""A wrapped SDK stays what it is: its helpers work and are metered, and nothing that costs goes by unseen."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from billing_client import AsyncBillingClient, BillingClient, NotMetered, Receipt
from google import genai
from google.genai import types

from tests.factories import Tenant, make_model, make_tenant
from tests.flows.sdk_drivers import MODELS, PROMPT, Caller, Way, scripted
from tests.metering.figures import one, wallet

MESSAGES: Any = [{"role": "user", "content": PROMPT}]
CLAUDE: Any = {"model": MODELS["anthropic"], "messages": MESSAGES, "max_tokens": 200}
GPT: Any = {"model": MODELS["openai"], "messages": MESSAGES, "max_completion_tokens": 200}
GEMINI: Any = {"model": MODELS["google"], "contents": PROMPT}


@pytest.fixture
def ada(transactional_db: None) -> Tenant:
    for provider, name in MODELS.items():
        make_model({"input": "2", "output": "10"}, name=name, provider=provider, context=50_000)
    return make_tenant("ada", credits="10")


@pytest.fixture
def caller(server: str, providers: str, ada: Tenant) -> Caller:
    return Caller(server, providers, ada.secret)


@pytest.fixture
def billing(server: str, ada: Tenant) -> Iterator[BillingClient]:
    with BillingClient(server, ada.secret) as client:
        yield client


@pytest.fixture
def receipts() -> list[Receipt]:
    return []


def sdk(caller: Caller, api: str, **script: Any) -> Any:
    """A provider's client as its users make it."""
    return caller._sdk(Way(api, streamed=False, waits=True), scripted(output_tokens=40, **script))


def test_message_stream_helper(billing: BillingClient, caller: Caller, receipts: list[Receipt]) -> None:
    claude: anthropic.Anthropic = billing.wrap(sdk(caller, "messages"), on_receipt=receipts.append)
    with claude.messages.stream(**CLAUDE) as stream:
        words = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert message.content[0].text == words
    assert receipts[0].leaves[-1].tokens == message.usage.output_tokens


def test_chat_stream_helper_and_parse(billing: BillingClient, caller: Caller, receipts: list[Receipt]) -> None:
    gpt: openai.OpenAI = billing.wrap(sdk(caller, "chat"), on_receipt=receipts.append)
    with gpt.chat.completions.stream(**GPT) as stream:
        completion = stream.get_final_completion()
    assert completion.choices[0].message.content
    gpt.chat.completions.parse(**GPT)
    assert [receipt.estimated for receipt in receipts] == [False, False]


def test_responses_stream_helper(billing: BillingClient, caller: Caller, receipts: list[Receipt]) -> None:
    gpt: openai.OpenAI = billing.wrap(sdk(caller, "responses"), on_receipt=receipts.append)
    with gpt.responses.stream(model=MODELS["openai"], input=PROMPT) as stream:
        response = stream.get_final_response()
    assert response.usage is not None
    assert sum(leaf.tokens for leaf in receipts[0].leaves) == response.usage.total_tokens


def test_chats_of_gemini(billing: BillingClient, caller: Caller, receipts: list[Receipt]) -> None:
    chat = billing.wrap(sdk(caller, "content"), on_receipt=receipts.append).chats.create(model=MODELS["google"])
    assert chat.send_message(PROMPT).text
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("More."))
    assert len(receipts) == 2


@pytest.mark.parametrize("asked", [False, True])
def test_usage_chunk_comes_only_to_those_who_asked(billing: BillingClient, caller: Caller, asked: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(billing.wrap(sdk(caller, "chat")).chat.completions.create(**GPT, stream=True, **options))
    assert [bool(chunk.usage) for chunk in chunks[-2:]] == [False, asked]
    assert all(chunk.choices for chunk in chunks[:-1])


def test_several_answers_are_all_held(billing: BillingClient, caller: Caller) -> None:
    with pytest.raises(openai.BadRequestError):  # the local provider gives one
        billing.wrap(sdk(caller, "chat")).chat.completions.create(**GPT, n=3)
    # Input is bounded by the request's bytes: at $2 that is next to nothing, the output is three times 200 tokens.
    assert one("SELECT amount > 0.006 AND amount < 0.0075 FROM wallets_hold") == (True,)


def test_options_say_whose_call_it_is_and_may_be_changed(
    billing: BillingClient, caller: Caller, receipts: list[Receipt]
) -> None:
    claude = billing.wrap(sdk(caller, "messages"), user="u-1", run="r-1", on_receipt=receipts.append)
    claude.messages.create(**CLAUDE)
    billing.wrap(claude, run="r-2").messages.create(**CLAUDE)
    claude.with_options(timeout=5).messages.create(**CLAUDE)
    assert [(r.raw["user"], r.raw["run"]) for r in receipts] == [("u-1", "r-1"), ("u-1", "r-2"), ("u-1", "r-1")]


def test_client_made_for_the_wrap_alone_stays_open(billing: BillingClient, caller: Caller) -> None:
    # The google SDK closes the connections of a client that nobody holds.
    gemini = billing.wrap(sdk(caller, "content"))
    assert gemini.models.generate_content(**GEMINI).text
    assert gemini.models.generate_content(**GEMINI).text


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s["chat"].embeddings.create(model="text-embedding-3-small", input="x"),
        lambda s: s["chat"].completions.create(model="gpt-5.2", prompt="x"),
        lambda s: s["chat"].responses.create(model="gpt-5.2", input="x", background=True),
        lambda s: s["chat"].chat.completions.with_raw_response.create(**GPT),
        lambda s: s["messages"].messages.batches.create(requests=[]),
        lambda s: s["content"].models.embed_content(model="text-embedding-004", contents="x"),
        lambda s: s["content"].batches,
    ],
)
def test_what_is_not_metered_is_refused(billing: BillingClient, caller: Caller, call: Any) -> None:
    with pytest.raises(NotMetered):
        call({api: billing.wrap(sdk(caller, api)) for api in ("chat", "messages", "content")})
    assert one("SELECT count(*) FROM wallets_hold") == (0,)


def test_counting_and_listing_are_free(billing: BillingClient, caller: Caller) -> None:
    claude = billing.wrap(sdk(caller, "messages"))
    assert claude.messages.count_tokens(model=MODELS["anthropic"], messages=MESSAGES).input_tokens > 0
    assert claude.models.list().data
    assert one("SELECT count(*) FROM wallets_hold") == (0,)


def test_image_needs_a_bound(billing: BillingClient, caller: Caller) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    asked = GPT | {"messages": [{"role": "user", "content": [image]}]}
    gpt = billing.wrap(sdk(caller, "chat"))
    with pytest.raises(ValueError, match=r"input_tokens=.*image"):
        gpt.chat.completions.create(**asked)
    billing.wrap(gpt, input_tokens=2_000).chat.completions.create(**asked)
    assert one("SELECT input_tokens FROM metering_call") == (2_000,)


def test_long_text_is_bounded_by_the_models_context(billing: BillingClient, caller: Caller) -> None:
    # 60,000 bytes are above the 50,000 tokens of the model; as tokens they may well fit.
    asked = CLAUDE | {"messages": iter([{"role": "user", "content": "word " * 12_000}])}
    billing.wrap(sdk(caller, "messages")).messages.create(**asked)
    assert one("SELECT input_tokens FROM metering_call") == (50_000,)


def test_stream_that_nobody_reads_is_settled_when_billing_ends(server: str, caller: Caller, ada: Tenant) -> None:
    with BillingClient(server, ada.secret) as billing:
        billing.wrap(sdk(caller, "messages")).messages.create(**CLAUDE, stream=True)
    assert one("SELECT status, estimated FROM metering_usagerecord") == ("cancelled", True)
    assert wallet(ada.id)[1] == 0


def test_break_is_settled_by_the_event_loop(server: str, caller: Caller, ada: Tenant, receipts: list[Receipt]) -> None:
    async def run() -> None:
        way = Way("messages", streamed=True, waits=False)
        async with AsyncBillingClient(server, ada.secret) as billing:
            sdk = caller._async_sdk(way, scripted(output_tokens=150, pace="20"))
            claude = billing.wrap(sdk, on_receipt=receipts.append)
            async for _ in await claude.messages.create(**CLAUDE, stream=True):
                break
            async with asyncio.timeout(20):
                while not receipts:
                    await asyncio.sleep(0.01)

    asyncio.run(run())
    assert receipts[0].status == "cancelled"


def test_cancelled_task_still_settles(server: str, caller: Caller, ada: Tenant) -> None:
    async def run() -> None:
        way = Way("messages", streamed=True, waits=False)
        async with AsyncBillingClient(server, ada.secret) as billing:
            claude = billing.wrap(caller._async_sdk(way, scripted(output_tokens=150, pace="1")))
            async with asyncio.timeout(0.7):
                async for _ in await claude.messages.create(**CLAUDE, stream=True):
                    pass

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert one("SELECT status, estimated FROM metering_usagerecord") == ("cancelled", True)
    assert wallet(ada.id)[1] == 0


def test_functions_of_gemini_are_calls_of_their_own(caller: Caller, billing: BillingClient) -> None:
    assert isinstance(sdk(caller, "content"), genai.Client)
    config = types.GenerateContentConfig(tools=[lookup], max_output_tokens=100)
    billing.wrap(sdk(caller, "content")).models.generate_content(**GEMINI, config=config)
    assert one("SELECT count(*) = (SELECT count(*) FROM metering_usagerecord) FROM wallets_hold") == (True,)


def lookup(word: str) -> str:
    """Look a word up."""
    return word
