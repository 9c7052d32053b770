"""A call as a block: authorised on entering, and never left in silence."""

import pickle
from typing import Any

import pytest
from billing_client import BillingClient, Conflict, InsufficientCredits, NotSettled, Unavailable

from tests.client.bodies import AUTHORISATION, HOLD, PROGRESS, RECEIPT, RELEASE
from tests.client.conftest import NewClient
from tests.client.scripted_server import Cut, Reply, ScriptedServer

AUTHORISED, SETTLED, RELEASED = Reply(201, AUTHORISATION), Reply(200, RECEIPT), Reply(200, RELEASE)
ON, STOP = Reply(200, PROGRESS), Reply(200, PROGRESS | {"decision": "stop", "reason": "key_revoked"})
MODEL = ("anthropic", "claude-haiku-4-5", 1200)
ANSWER = {"id": "msg_1", "model": "claude-haiku-4-5", "usage": {"input_tokens": 12, "output_tokens": 3}}


def actions(server: ScriptedServer) -> list[str]:
    return [request.path.rpartition("/")[2] for request in server.received]


def test_block_authorises_and_settles_with_the_response_as_it_is(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, SETTLED)
    with client.call(*MODEL, max_output_tokens=800, run="r-1") as call:
        assert (str(call.id), call.max_output_tokens) == (HOLD, 800)
        receipt = call.settle(ANSWER)
    assert receipt == call.receipt
    assert actions(server) == ["authorisations", "settle"]
    assert server.received[0].body["run"] == "r-1"
    assert server.received[1].body == {"provider_response": ANSWER, "status": "completed"}


def test_list_of_events_and_usage_by_leaf_settle_too(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, SETTLED, AUTHORISED, SETTLED)
    with client.call(*MODEL) as call:
        call.settle([ANSWER, ANSWER], status="cancelled")
    with client.call(*MODEL) as call:
        call.settle(usage={"output": 0}, model="m", service_tier="priority")
    assert server.received[1].body == {"provider_response": [ANSWER, ANSWER], "status": "cancelled"}
    assert server.received[3].body == {
        "usage": {"output": 0}, "status": "completed", "model": "m", "service_tier": "priority",
    }  # fmt: skip


def test_nothing_is_sent_before_the_block_is_entered(server: ScriptedServer, client: BillingClient) -> None:
    call = client.call(*MODEL)
    assert server.received == []
    with pytest.raises(RuntimeError, match="block"):
        _ = call.id


def test_refusal_goes_through(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(402))
    with pytest.raises(InsufficientCredits), client.call(*MODEL):
        pytest.fail("the block was entered")
    assert actions(server) == ["authorisations"]


def test_leaving_without_an_end_is_an_error_that_says_what_becomes_of_the_hold(
    server: ScriptedServer, client: BillingClient
) -> None:
    server.script(AUTHORISED)
    with pytest.raises(NotSettled, match=f"{HOLD} was not settled.*2026-11-24T10:00:00") as caught, client.call(*MODEL):
        pass
    assert actions(server) == ["authorisations"]
    assert caught.value.code == "not_settled"
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.call) == (NotSettled, str(caught.value), None)


def test_error_before_the_provider_was_asked_releases(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, RELEASED)
    with pytest.raises(KeyError) as caught, client.call(*MODEL):
        raise KeyError("prompt")
    assert actions(server) == ["authorisations", "release"]
    assert not hasattr(caught.value, "__notes__")


def test_failing_release_never_masks_the_error(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, Reply(409))
    with pytest.raises(KeyError) as caught, client.call(*MODEL):
        raise KeyError("prompt")
    assert "could not be released (409" in caught.value.__notes__[0]


@pytest.mark.parametrize("how", ["said", "authorised", "reported"])
def test_error_after_the_provider_was_asked_leaves_the_hold_and_says_so(
    server: ScriptedServer, client: BillingClient, how: str
) -> None:
    # Releasing here would give away what the provider bills.
    server.script(AUTHORISED, ON)
    fields: dict[str, Any] = {"dispatched": True} if how == "authorised" else {}

    def fail() -> None:
        with client.call(*MODEL, **fields) as call:
            if how == "said":
                call.dispatched()
            if how == "reported":
                call.progress(output=3)
            raise TimeoutError("read")

    with pytest.raises(TimeoutError) as caught:
        fail()
    assert "release" not in actions(server)
    assert "settle" not in actions(server)
    assert "then settled by estimate" in caught.value.__notes__[0]


def test_release_ends_the_block(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, RELEASED)
    with client.call(*MODEL) as call:
        call.release()
    assert actions(server) == ["authorisations", "release"]


@pytest.mark.parametrize("nothing", [{}, [], None])
def test_nothing_never_settles(server: ScriptedServer, client: BillingClient, nothing: object) -> None:
    server.script(AUTHORISED, RELEASED)
    with pytest.raises(ValueError, match="nothing to settle with"), client.call(*MODEL) as call:
        call.settle(nothing)
    assert actions(server) == ["authorisations", "release"]


def test_failed_call_may_have_brought_nothing(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, SETTLED)
    with client.call(*MODEL) as call:
        call.settle([], status="failed")
    assert server.received[1].body == {"provider_response": [], "status": "failed"}


def test_reports_are_counted_by_the_call(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, ON, Cut(), ON, STOP, SETTLED)
    with client.call(*MODEL) as call:
        assert not call.progress(output=5).stop
        assert not call.progress(output=9).stop
        stopped = call.report({"output": 12, "reasoning": 4})
        assert (stopped.stop, stopped.reason) == (True, "key_revoked")
        call.settle(ANSWER)
    assert [(r.body["seq"], r.body["usage"]) for r in server.received[1:5]] == [
        (1, {"output": 5}), (2, {"output": 9}), (2, {"output": 9}), (3, {"output": 12, "reasoning": 4}),
    ]  # fmt: skip


def test_settling_again_after_an_unknown_outcome_uses_the_same_key(
    server: ScriptedServer, new_client: NewClient
) -> None:
    server.script(AUTHORISED, Cut(), SETTLED, SETTLED)
    with new_client(server.url, max_retries=0).call(*MODEL) as call:
        with pytest.raises(Unavailable) as caught:
            call.settle(ANSWER)
        assert caught.value.outcome_unknown
        call.settle()
        call.settle(ANSWER)
    tries = server.received[1:]
    assert len({request.key for request in tries}) == 1
    assert caught.value.idempotency_key == tries[0].key
    assert all(request.body == tries[0].body for request in tries)


def test_settlement_that_failed_is_told_with_the_hold(server: ScriptedServer, client: BillingClient) -> None:
    server.script(AUTHORISED, Reply(409))
    with pytest.raises(Conflict) as caught, client.call(*MODEL) as call:
        call.settle(ANSWER)
    # What was used is known to be more than nothing: it is not released.
    assert actions(server) == ["authorisations", "settle"]
    assert "was not settled" in caught.value.__notes__[0]
