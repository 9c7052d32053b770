"""What goes over the wire for each method and how the answers are read."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from billing_client import BillingClient, UnexpectedAnswer

from tests.client.bodies import AUTHORISATION, BALANCE, HOLD, MODELS, PROGRESS, RECEIPT, RELEASE
from tests.client.conftest import NewClient
from tests.client.scripted_server import Reply, ScriptedServer


def test_authorise_sends_what_was_given_and_nothing_else(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(201, AUTHORISATION))
    client.authorise(
        "anthropic", "claude-haiku-4-5", 1200, max_output_tokens=800, input_leaves=("input",), dispatched=False
    )
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/api/v1/authorisations")
    assert request.headers["authorization"] == "Bearer tb_test_secret"
    # `dispatched` False must be sent, an absent field must not become null.
    assert request.body == {
        "provider": "anthropic",
        "model": "claude-haiku-4-5",
        "input_tokens": 1200,
        "max_output_tokens": 800,
        "input_leaves": ["input"],
        "dispatched": False,
    }


def test_authorisation_is_read_exactly(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(201, AUTHORISATION | {"later_field": [1]}))
    hold = client.authorise("anthropic", "claude-haiku-4-5", 1)
    assert hold.id == UUID(HOLD)
    assert (hold.held, hold.available) == (Decimal("0.012345679"), Decimal("99.987654321"))
    assert hold.expires_at == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert hold.expires_at.tzinfo is not None
    assert hold.rates[0].price_per_million == Decimal("0.11")
    assert hold.rates[0].effective_from == datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert hold.raw["later_field"] == [1]


def test_receipt_keeps_every_digit(server: ScriptedServer, client: BillingClient) -> None:
    # 20 digits: one more than a float could carry, in charged and cost only the last differs.
    server.script(Reply(200, RECEIPT))
    receipt = client.settle(HOLD, {"input": 12})
    assert str(receipt.charged) == "12345678901.123456789"
    assert receipt.cost - receipt.charged == receipt.absorbed == Decimal("0.000000001")
    assert receipt.leaves[0].amount == Decimal("0.00000132")
    assert receipt.transfers == ({"id": 7, "amount": "0.000000001"},)


def test_number_instead_of_text_is_still_exact(server: ScriptedServer, client: BillingClient) -> None:
    body = b'{"balance": 0.1234567890123456789, "held": 0, "available": 1, "accrued": 0, "currency": "USD"}'
    server.script(Reply(200, body))
    assert client.balance().balance == Decimal("0.1234567890123456789")


def test_settle_names_model_and_tier_of_the_response(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(200, RECEIPT))
    client.settle(UUID(HOLD), {"input": 12, "output": 0}, "cancelled", "claude-haiku-4-5-20251001", "priority")
    (request,) = server.received
    assert request.path == f"/api/v1/authorisations/{HOLD}/settle"
    assert request.body == {
        "usage": {"input": 12, "output": 0},
        "status": "cancelled",
        "model": "claude-haiku-4-5-20251001",
        "service_tier": "priority",
    }


@pytest.mark.parametrize(("decision", "stop"), [("continue", False), ("stop", True), ("something new", True)])
def test_progress_lets_a_call_run_only_on_continue(
    server: ScriptedServer, client: BillingClient, decision: str, stop: bool
) -> None:
    server.script(Reply(200, PROGRESS | {"decision": decision, "reason": "insufficient_credits"}))
    answer = client.progress(HOLD, 3, {"output": 10})
    assert answer.stop is stop
    assert server.received[0].body == {"seq": 3, "usage": {"output": 10}}
    assert server.received[0].path == f"/api/v1/authorisations/{HOLD}/progress"


def test_release_and_reads(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(200, RELEASE), Reply(200, BALANCE), Reply(200, RECEIPT))
    assert client.release(HOLD).released == Decimal("0.5")
    assert client.balance().held == Decimal("0.1")
    assert client.receipt(HOLD).status == "completed"
    assert [(request.method, request.path) for request in server.received] == [
        ("POST", f"/api/v1/authorisations/{HOLD}/release"),
        ("GET", "/api/v1/balance"),
        ("GET", f"/api/v1/receipts/{HOLD}"),
    ]


def test_models_come_with_their_limits_and_prices(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(200, MODELS))
    (model,) = client.models()
    assert server.received[0].path == "/api/v1/models"
    assert (model.provider, model.model, model.aliases) == (
        "anthropic",
        "claude-haiku-4-5",
        ("claude-haiku-4-5-20251001",),
    )
    assert (model.context_tokens, model.max_output_tokens) == (200_000, 64_000)
    (price,) = model.prices
    assert (price.service_tier, price.class_above, price.price_per_million) == ("standard", 128_000, Decimal("1.1"))


def test_hold_id_cannot_lead_elsewhere(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(200, RECEIPT))
    client.receipt("../balance?x=1#")
    assert server.received[0].path == "/api/v1/receipts/..%2Fbalance%3Fx%3D1%23"


def test_answers_are_frozen(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(200, BALANCE))
    with pytest.raises(dataclasses.FrozenInstanceError):
        client.balance().held = Decimal(0)  # type: ignore[misc]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>a proxy's page</html>",
        b"",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        BALANCE | {"held": "NaN"},
        BALANCE | {"held": "Infinity"},
        BALANCE | {"held": "1,00"},
        BALANCE | {"held": True},
        BALANCE | {"held": None},
        {"balance": "1"},
        b'{"balance": NaN, "held": "0", "available": "0", "accrued": "0", "currency": "USD"}',
    ],
)
def test_unreadable_answer_never_becomes_a_figure(server: ScriptedServer, client: BillingClient, body: object) -> None:
    server.script(Reply(200, body))
    with pytest.raises(UnexpectedAnswer):
        client.balance()


def test_time_without_zone_is_refused(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(201, AUTHORISATION | {"expires_at": "2026-11-24T10:00:00"}))
    with pytest.raises(UnexpectedAnswer, match="zone") as caught:
        client.authorise("anthropic", "claude-haiku-4-5", 1, idempotency_key="k-1")
    # The hold exists although its answer is unreadable: the caller must be able to ask again.
    assert (caught.value.idempotency_key, caught.value.outcome_unknown) == ("k-1", True)


def test_redirect_is_not_followed(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(302, headers={"Location": "/elsewhere"}))
    with pytest.raises(UnexpectedAnswer):
        client.release(HOLD)
    assert len(server.received) == 1


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "http://"])
def test_wrong_address_is_refused_at_once(new_client: NewClient, url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        new_client(url)


@pytest.mark.parametrize("key", ["", "tb_abc_secret\n", "two words", "tb_ä_1"])
def test_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError) as caught:
        BillingClient("http://127.0.0.1:1", key)
    assert not key or key not in str(caught.value)


def test_base_url_may_end_with_a_slash_or_a_path(server: ScriptedServer, new_client: NewClient) -> None:
    server.script(Reply(200, BALANCE), Reply(200, BALANCE))
    new_client(server.url + "/").balance()
    new_client(server.url + "/billing").balance()
    assert [request.path for request in server.received] == ["/api/v1/balance", "/billing/api/v1/balance"]
