"""When the client sends again, with what key, and when it gives up."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread
from uuid import UUID

import pytest
from billing_client import Backoff, BillingClient, Conflict, RateLimited, Unavailable

from tests.client.bodies import AUTHORISATION, BALANCE, HOLD, PROGRESS, RECEIPT, RELEASE
from tests.client.conftest import NewClient
from tests.client.scripted_server import Cut, Drip, Reply, ScriptedServer, Silence, Step, scripted_server


@pytest.mark.parametrize(
    "trouble",
    [Cut(), Reply(201, AUTHORISATION, half=True), *(Reply(status) for status in (429, 502, 503, 504))],
    ids=["cut", "half", "429", "502", "503", "504"],
)
def test_trouble_is_repeated_with_the_same_key_and_body(
    server: ScriptedServer, client: BillingClient, trouble: Step
) -> None:
    # A new key for a retry would hold the money twice: the first attempt may have been carried out.
    server.script(trouble, trouble, Reply(201, AUTHORISATION))
    assert str(client.authorise("openai", "gpt-5", 10, run="r").id) == HOLD
    assert len(server.received) == 3
    assert len({request.key for request in server.received}) == 1
    assert UUID(server.received[0].key or "").version == 4
    assert all(request.body == server.received[0].body for request in server.received)


def test_silence_is_repeated_after_the_time_out(server: ScriptedServer, new_client: NewClient) -> None:
    server.script(Silence(), Reply(200, RECEIPT))
    new_client(server.url, timeout=0.2).settle(HOLD, {"input": 1})
    assert len({request.key for request in server.received}) == 1
    assert len(server.received) == 2


def test_each_call_has_its_own_key(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(201, AUTHORISATION), Reply(201, AUTHORISATION), Reply(200, RECEIPT), Reply(200, RELEASE))
    client.authorise("openai", "gpt-5", 10)
    client.authorise("openai", "gpt-5", 10)
    client.settle(HOLD, {})
    client.release(HOLD)
    assert len({request.key for request in server.received}) == 4


def test_given_key_is_used(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(201, AUTHORISATION), Reply(200, RECEIPT), Reply(200, RELEASE))
    client.authorise("openai", "gpt-5", 10, idempotency_key="a-1")
    client.settle(HOLD, {}, idempotency_key="s-1")
    client.release(HOLD, idempotency_key="r-1")
    assert [request.key for request in server.received] == ["a-1", "s-1", "r-1"]


@pytest.mark.parametrize("key", ["", "with space", "line\nend", "ä", "x" * 201])
def test_unusable_key_is_refused_before_anything_is_sent(
    server: ScriptedServer, client: BillingClient, key: str
) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        client.release(HOLD, idempotency_key=key)
    assert server.received == []


def test_progress_is_repeated_by_seq_without_a_key(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Cut(), Reply(200, PROGRESS))
    client.progress(HOLD, 1, {"output": 5})
    assert [request.key for request in server.received] == [None, None]
    assert [request.body["seq"] for request in server.received] == [1, 1]


def test_reads_are_repeated_too(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Cut(), Reply(503), Reply(200, BALANCE))
    client.balance()
    assert len(server.received) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_a_definite_answer_is_not_repeated(server: ScriptedServer, client: BillingClient, status: int) -> None:
    server.script(Reply(status), Reply(200, RELEASE))
    with pytest.raises(Exception, match=str(status)):
        client.release(HOLD)
    assert len(server.received) == 1


def test_server_that_comes_up_later_is_reached(new_client: NewClient) -> None:
    with scripted_server(listening=False) as server:
        client = new_client(server.url, max_retries=None)
        answers: list[object] = []
        caller = Thread(target=lambda: answers.append(client.release(HOLD)))
        caller.start()
        server.script(Reply(200, RELEASE))
        # The first attempts are refused; without retries the thread has ended by now.
        caller.join(timeout=0.1)
        assert caller.is_alive()
        server.listen()
        caller.join(timeout=15)
        assert not caller.is_alive()
    assert len(answers) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured(server: ScriptedServer, client: BillingClient, status: int) -> None:
    server.script(Reply(status, headers={"Retry-After": "1"}), Reply(200, RELEASE))
    client.release(HOLD)
    first, second = server.received
    assert 1.0 <= second.at - first.at < 10.0


def test_retry_after_as_a_date_counts_from_the_servers_clock(server: ScriptedServer, client: BillingClient) -> None:
    # The server's clock is a day behind: measured against ours the date would be over already.
    now = datetime.now(UTC) - timedelta(days=1)
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(now + timedelta(seconds=1), usegmt=True),
    }
    server.script(Reply(503, headers=headers), Reply(200, RELEASE))
    client.release(HOLD)
    first, second = server.received
    assert 0.99 <= second.at - first.at < 10.0


def test_retry_after_beyond_the_deadline_gives_up_at_once(server: ScriptedServer, client: BillingClient) -> None:
    server.script(Reply(429, headers={"Retry-After": "3600"}))
    started = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        client.release(HOLD)
    assert time.monotonic() - started < 5
    assert caught.value.problem.retry_after == 3600


def test_max_retries_bounds_the_attempts(server: ScriptedServer, new_client: NewClient) -> None:
    server.script(*[Reply(503)] * 10)
    with pytest.raises(Unavailable):
        new_client(server.url, max_retries=2).release(HOLD)
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("step", "timeout"), [(Silence(), 0.3), (Silence(), 30.0), (Drip(), 0.3)], ids=["retries", "one wait", "drip"]
)
def test_deadline_bounds_the_whole_call(
    server: ScriptedServer, new_client: NewClient, step: Step, timeout: float
) -> None:
    # A server that sends a byte now and then never runs into the time-out of one read.
    server.script(*[step] * 40)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        new_client(server.url, timeout=timeout, deadline=1.0, max_retries=None).release(HOLD)
    # Far from the 12 s and more that it takes without the deadline, also on a busy machine.
    assert time.monotonic() - started < 6.0


def test_unavailable_says_that_the_outcome_is_unknown_and_names_the_key(
    server: ScriptedServer, new_client: NewClient
) -> None:
    server.script(Cut(), Cut())
    with pytest.raises(Unavailable) as caught:
        new_client(server.url, max_retries=1).release(HOLD)
    assert caught.value.outcome_unknown
    assert caught.value.idempotency_key == server.received[0].key is not None


def test_doubt_of_an_earlier_attempt_stays(server: ScriptedServer, new_client: NewClient) -> None:
    # The first attempt may have been carried out; that the second was turned away changes nothing about it.
    server.script(Cut(), Reply(429))
    with pytest.raises(RateLimited) as caught:
        new_client(server.url, max_retries=1).release(HOLD)
    assert caught.value.outcome_unknown


def test_no_doubt_when_nothing_was_carried_out(server: ScriptedServer, new_client: NewClient) -> None:
    server.script(Reply(429), Reply(409))
    with pytest.raises(Conflict) as caught:
        new_client(server.url).release(HOLD)
    assert not caught.value.outcome_unknown
    with scripted_server(listening=False) as away, pytest.raises(Unavailable) as refused:
        new_client(away.url, max_retries=1).release(HOLD)
    assert not refused.value.outcome_unknown
    assert refused.value.status is None


def test_waits_grow_stay_capped_and_are_spread() -> None:
    backoff = Backoff(first=0.1, longest=5.0)
    assert [backoff.wait(retry, 0.5, None) for retry in (0, 1, 2, 20, 5000)] == [0.05, 0.1, 0.2, 2.5, 2.5]
    assert backoff.wait(3, 0.0, None) == 0.0
    assert backoff.wait(3, 0.0, 2.0) == 2.0
    assert backoff.wait(0, 0.5, 2.0) == pytest.approx(2.05)


def test_threads_share_one_client(server: ScriptedServer, client: BillingClient) -> None:
    server.script(*[Reply(200, RELEASE)] * 32)
    threads = [Thread(target=client.release, args=(HOLD,)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len({request.key for request in server.received}) == 32
