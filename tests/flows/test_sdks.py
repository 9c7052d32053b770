"""The official SDKs, wrapped in one line: authorised, reported and settled to the last leaf, however a call ends.

Real web process, real SDKs at their newest versions, providers played by a process of their own.
"""

from contextlib import nullcontext
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import anthropic
import openai
import pytest
from billing_client import InsufficientCredits, Receipt, Stopped
from google.genai.errors import APIError

from providers.leaves import Leaf
from providers.models import ModelAlias
from tests import database
from tests.factories import Tenant, make_model, make_plan, make_tenant
from tests.flows.sdk_drivers import MODELS, WAYS, Caller, Way, scripted
from tests.metering.figures import one, verified, wallet

MARKUP = Decimal("1.15")
# Nothing comes out even: each leaf has a price of its own, with more digits than a charge has.
PRICES = {leaf: Decimal(n) + Decimal("0.137931") for n, leaf in enumerate(Leaf, 1) if leaf is not Leaf.REQUEST}
SNAPSHOTS = {"gpt-5.2-2025-12-11": "openai"}
USAGE: dict[str, dict[str, Any]] = {
    "chat": {
        "prompt_tokens": 1_000, "completion_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 400, "audio_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 120, "audio_tokens": 30},
    },
    "responses": {
        "input_tokens": 707_301, "input_tokens_details": {"cached_tokens": 672_256},
        "output_tokens": 12_096, "output_tokens_details": {"reasoning_tokens": 7_715},
    },
    "messages": {
        "input_tokens": 27, "cache_read_input_tokens": 11, "output_tokens": 47,
        "cache_creation": {"ephemeral_5m_input_tokens": 13, "ephemeral_1h_input_tokens": 17},
        "output_tokens_details": {"thinking_tokens": 9}, "server_tool_use": {"web_search_requests": 2},
    },
    "content": {
        "promptTokenCount": 1_000, "cachedContentTokenCount": 250, "candidatesTokenCount": 210,
        "thoughtsTokenCount": 90, "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 250}],
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 900}, {"modality": "AUDIO", "tokenCount": 100}],
    },
}  # fmt: skip
LEAVES = {
    "chat": {
        "input": 500, "cache_read": 400, "input_audio": 100, "output": 150, "reasoning": 120, "output_audio": 30,
    },
    "responses": {"input": 35_045, "cache_read": 672_256, "output": 4_381, "reasoning": 7_715},
    "messages": {
        "input": 27, "cache_read": 11, "cache_write_5m": 13, "cache_write_1h": 17, "output": 38, "reasoning": 9,
        "web_search": 2,
    },
    "content": {"input": 650, "cache_read": 250, "input_audio": 100, "output": 210, "reasoning": 90},
}  # fmt: skip
STREAMS = [way for way in WAYS if way.streamed]
WHOLE = [way for way in WAYS if not way.streamed]


@pytest.fixture
def ada(transactional_db: None) -> Tenant:
    for provider, name in MODELS.items():
        model = make_model({leaf: str(price) for leaf, price in PRICES.items()}, name=name, provider=provider)
        for alias in (alias for alias, by in SNAPSHOTS.items() if by == provider):
            ModelAlias.objects.create(model=model, provider=model.provider, name=alias)
    return make_tenant("ada", credits="100", plan=make_plan("odd", str(MARKUP)))


@pytest.fixture
def caller(server: str, providers: str, ada: Tenant) -> Caller:
    return Caller(server, providers, ada.secret)


@pytest.fixture
def receipts() -> list[Receipt]:
    return []


def charge(leaves: dict[str, int]) -> Decimal:
    """The right charge, worked out here once more."""
    cost = sum((tokens * PRICES[Leaf(leaf)] * MARKUP for leaf, tokens in leaves.items()), Decimal(0))
    return (cost / 1_000_000).quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP)


def used(receipt: Receipt) -> dict[str, int]:
    return {line.leaf: line.tokens for line in receipt.leaves if line.tokens}


def output(receipt: Receipt) -> int:
    """Tokens of output; Gemini thinks, and may be cut while it does."""
    return sum(tokens for leaf, tokens in used(receipt).items() if leaf in ("output", "reasoning"))


def revoke(tenant: Tenant) -> None:
    """On a connection of its own: an event loop may be running here."""
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE organisations_apikey SET revoked_at = now() WHERE id = %s", [tenant.key.pk])


def ends(tenant: Tenant) -> list[tuple[str, bool]]:
    """How holds ended: state, and whether anything is still held."""
    state = one("SELECT string_agg(state, ',') FROM wallets_hold")[0]
    return [(state, wallet(tenant.id)[1] > 0)]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_leaf_is_on_the_receipt_and_charged_exactly(
    way: Way, caller: Caller, ada: Tenant, receipts: list[Receipt]
) -> None:
    answers = caller(way, scripted(USAGE[way.api], output_tokens=60), user="u-1", run="r-1", on_receipt=receipts.append)
    [receipt] = receipts
    assert used(receipt) == LEAVES[way.api]
    assert receipt.charged == charge(LEAVES[way.api])
    assert (receipt.status, receipt.estimated, receipt.flags) == ("completed", False, ())
    assert (receipt.raw["user"], receipt.raw["run"], receipt.raw["agrees"]) == ("u-1", "r-1", True)
    assert wallet(ada.id) == (Decimal(100) - receipt.charged, Decimal(0))
    assert len(answers) > 5 if way.streamed else len(answers) == 1
    verified()


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_running_streams_report_what_came(way: Way, caller: Caller, receipts: list[Receipt]) -> None:
    def take(event: object) -> bool:
        seen.append(one("SELECT seq, progress FROM metering_call"))
        return True

    seen: list[Any] = []
    caller.take = take
    caller(way, scripted(output_tokens=60), report_seconds=0, on_receipt=receipts.append)
    output = [progress["output"] for seq, progress in seen if seq >= 0]
    assert output == sorted(output)
    assert 0 < output[-1] < 200
    assert receipts[0].estimated is False


@pytest.mark.parametrize(("fault", "least"), [("cut", 30), ("short", 30), ("cut;after=0", 0)])
@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_stream_that_was_cut_is_settled_by_estimate(
    way: Way, fault: str, least: int, caller: Caller, ada: Tenant, receipts: list[Receipt]
) -> None:
    broken = pytest.raises(Exception, match=r"(?i)connection|peer|closed|read|incomplete")
    with nullcontext() if fault == "short" else broken:
        caller(way, scripted(fault=fault, output_tokens=200, reasoning_tokens=0), on_receipt=receipts.append)
    [receipt] = receipts
    assert (receipt.status, receipt.estimated) == ("failed", True)
    # About half of 200 tokens had come.
    assert least <= output(receipt) < 200
    assert used(receipt)["input"] > 0
    assert receipt.charged == charge(used(receipt))
    assert ends(ada) == [("settled", False)]
    verified()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_missing_usage_is_estimated_and_says_so(way: Way, caller: Caller, receipts: list[Receipt]) -> None:
    caller(way, scripted(fault="no_usage", output_tokens=100), on_receipt=receipts.append)
    [receipt] = receipts
    assert (receipt.status, receipt.estimated) == ("completed", True)
    assert 30 < output(receipt) < 300
    assert any("estimated" in words for words in receipt.flags)
    # The prompt has 17 characters; the bytes of the request, which were authorised, are far more.
    assert used(receipt)["input"] == 5
    verified()


@pytest.mark.parametrize(
    ("way", "fault"),
    [*((way, "401") for way in WAYS), *((way, fault) for way in WAYS[::4] for fault in ("429", "500"))],
    ids=str,
)
def test_refused_call_is_released(way: Way, fault: str, caller: Caller, ada: Tenant) -> None:
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError, APIError)) as caught:
        caller(way, scripted(fault=fault))
    assert not hasattr(caught.value, "__notes__")
    assert ends(ada) == [("released", False)]
    assert wallet(ada.id) == (Decimal(100), Decimal(0))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_provider_that_cannot_be_reached_costs_nothing(way: Way, caller: Caller, ada: Tenant) -> None:
    caller.providers = "http://127.0.0.1:9"
    with pytest.raises(Exception, match=r"(?i)connect"):
        caller(way, scripted())
    assert ends(ada) == [("released", False)]


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_reader_who_leaves_pays_for_what_came(way: Way, caller: Caller, ada: Tenant, receipts: list[Receipt]) -> None:
    seen: list[object] = []

    def take(event: object) -> bool:
        seen.append(event)
        return len(seen) < 12

    caller.take = take
    caller(way, scripted(output_tokens=400, pace="20"), on_receipt=receipts.append)
    [receipt] = receipts
    assert (receipt.status, receipt.estimated) == ("cancelled", True)
    assert 0 < output(receipt) < 300
    assert ends(ada) == [("settled", False)]


@pytest.mark.parametrize("way", [way for way in STREAMS if way.provider == "openai"], ids=str)
def test_reader_who_leaves_early_pays_for_the_likely_input(
    way: Way, caller: Caller, ada: Tenant, receipts: list[Receipt]
) -> None:
    # OpenAI counts only at the end; the bound that was authorised are the bytes of the request.
    seen: list[object] = []

    def take(event: object) -> bool:
        seen.append(event)
        return len(seen) < 3

    caller.prompt = "The quick brown fox jumps over the lazy dog. " * 900
    caller.take = take
    caller(way, scripted(output_tokens=400, pace="20"), on_receipt=receipts.append)
    [receipt] = receipts
    assert one("SELECT input_tokens > 40000 FROM metering_call") == (True,)
    assert used(receipt)["input"] == 40_500 / 4
    assert (receipt.status, receipt.estimated) == ("cancelled", True)
    assert receipt.charged == charge(used(receipt))
    assert ends(ada) == [("settled", False)]


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_reader_who_leaves_at_the_end_is_charged_exactly(way: Way, caller: Caller, receipts: list[Receipt]) -> None:
    def take(event: Any) -> bool:
        kind = getattr(event, "type", "")
        choices = getattr(event, "choices", None) or getattr(event, "candidates", None) or ()
        return kind not in ("message_delta", "response.completed") and not any(c.finish_reason for c in choices)

    caller.take = take
    caller(way, scripted(USAGE[way.api], output_tokens=60), on_receipt=receipts.append)
    assert used(receipts[0]) == LEAVES[way.api]
    assert (receipts[0].status, receipts[0].estimated) == ("completed", False)


@pytest.mark.parametrize("way", STREAMS, ids=str)
def test_revoked_key_stops_the_stream(way: Way, caller: Caller, ada: Tenant) -> None:
    seen: list[object] = []

    def take(event: object) -> bool:
        seen.append(event)
        if len(seen) == 8:
            revoke(ada)
        return True

    caller.take = take
    with pytest.raises(Stopped) as caught:
        caller(way, scripted(output_tokens=400, pace="20"), report_seconds=0)
    assert caught.value.reason
    assert 8 <= len(seen) < 20
    assert one("SELECT status, estimated FROM metering_usagerecord") == ("cancelled", True)
    assert ends(ada) == [("settled", False)]


@pytest.mark.parametrize("way", [way for way in WAYS if way.waits], ids=str)
def test_at_zero_calls_get_shorter_and_then_stop(
    way: Way, server: str, providers: str, ada: Tenant, receipts: list[Receipt]
) -> None:
    poor = make_tenant("poor", credits="0.01", plan=make_plan("odd", str(MARKUP)))
    caller = Caller(server, providers, poor.secret)

    def spend() -> None:
        for _ in range(100):
            caller(way, scripted(output_tokens=300), most=300, report_seconds=0, on_receipt=receipts.append)

    with pytest.raises(InsufficientCredits):
        spend()
    balance, held = wallet(poor.id)
    assert len(receipts) >= 1
    assert held == 0
    assert balance >= 0
    assert sum(receipt.charged for receipt in receipts) == Decimal("0.01") - balance
    # What the provider was told to stop at: the last call was shorter than it wanted to be.
    assert receipts[-1].raw["clamped"] is True
    assert sum(receipt.absorbed for receipt in receipts) == 0
    verified()
