"""Reading, pacing, sending and adding up, without a server."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest

from metering.replay import (
    RUN_NAME,
    Outcome,
    Row,
    Totals,
    TraceError,
    idempotency_key,
    read_rows,
    read_trace,
    seconds_until_due,
    send_all,
)

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
GOOD = "2023-11-16 18:15:46.6805900,374,44\n"
WriteTrace = Callable[[str | bytes], Path]


@pytest.fixture
def write_trace(tmp_path: Path) -> WriteTrace:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "trace.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_rows_are_read_with_their_line(write_trace: WriteTrace) -> None:
    # The trace's times have seven digits after the point; a last line without an end counts.
    path = write_trace(HEADER + GOOD + "2023-11-16T18:15:47+01:00,0,0")
    assert list(read_rows(path)) == [
        Row(2, datetime(2023, 11, 16, 18, 15, 46, 680590, UTC), 374, 44),
        Row(3, datetime(2023, 11, 16, 17, 15, 47, tzinfo=UTC), 0, 0),
    ]
    trace = read_trace(path)
    assert (trace.requests, trace.input_tokens, trace.output_tokens) == (2, 374, 44)
    assert trace.first == datetime(2023, 11, 16, 18, 15, 46, 680590, UTC)


def test_byte_order_mark_and_dos_line_ends_are_no_error(write_trace: WriteTrace) -> None:
    path = write_trace(b"\xef\xbb\xbf" + (HEADER + GOOD).replace("\n", "\r\n").encode())
    assert read_trace(path).requests == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "line 1: the header"),
        ("Time,In,Out\n" + GOOD, "line 1: the header"),
        (HEADER, "no request"),
        (HEADER + GOOD + "2023-11-16 18:15:46,-1,5\n", "line 3: ContextTokens .*'-1'"),
        (HEADER + "2023-11-16 18:15:46,5,-1\n", "line 2: GeneratedTokens .*'-1'"),
        (HEADER + "2023-11-16 18:15:46,many,5\n", "line 2: ContextTokens .*'many'"),
        (HEADER + "2023-11-16 18:15:46,1.5,5\n", "line 2: ContextTokens"),
        (HEADER + "2023-11-16 18:15:46,1e3,5\n", "line 2: ContextTokens"),
        (HEADER + "2023-11-16 18:15:46,\u0663,5\n", "line 2: ContextTokens"),
        (HEADER + "2023-11-16 18:15:46,NaN,5\n", "line 2: ContextTokens"),
        (HEADER + "2023-11-16 18:15:46,,5\n", "line 2: ContextTokens .*''"),
        (HEADER + "2023-11-16 18:15:46,5,\n", "line 2: GeneratedTokens .*''"),
        (HEADER + "2023-11-16 18:15:46,9999999999,5\n", "line 2: ContextTokens"),
        (HEADER + "yesterday,5,5\n", "line 2: TIMESTAMP .*'yesterday'"),
        (HEADER + ",5,5\n", "line 2: TIMESTAMP .*''"),
        (HEADER + "2023-11-16 18:15:46,5\n", "line 2: 2 fields instead of 3"),
        (HEADER + "2023-11-16 18:15:46,5,5,5\n", "line 2: 4 fields instead of 3"),
        (HEADER + GOOD + "\n" + GOOD, "line 3: 0 fields instead of 3"),
        (HEADER.encode() + b"2023-11-16 18:15:46,\xff,5\n", "line 2: ContextTokens"),
        (HEADER + '2023-11-16 18:15:46,"5"x,5\n', "line 2: not CSV"),
    ],
)
def test_bad_file_is_refused_with_the_line(write_trace: WriteTrace, content: str | bytes, words: str) -> None:
    with pytest.raises(TraceError, match=words):
        read_trace(write_trace(content))


def test_digest_is_of_the_whole_file(write_trace: WriteTrace) -> None:
    first = read_trace(write_trace(HEADER + GOOD)).digest
    assert first != read_trace(write_trace(HEADER + GOOD.replace("44", "45"))).digest


@pytest.mark.parametrize(
    ("speed", "elapsed", "seconds"),
    [(0.0, 0.0, 0.0), (1.0, 0.0, 60.0), (10.0, 0.0, 6.0), (10.0, 4.0, 2.0), (10.0, 9.0, 0.0), (0.5, 0.0, 120.0)],
)
def test_rows_are_due_at_a_multiple_of_their_own_pace(speed: float, elapsed: float, seconds: float) -> None:
    first = datetime(2023, 11, 16, 18, 15, tzinfo=UTC)
    row = Row(2, datetime(2023, 11, 16, 18, 16, tzinfo=UTC), 1, 1)
    assert seconds_until_due(row, first, speed, elapsed) == seconds


def test_row_before_the_first_is_due_at_once() -> None:
    row = Row(3, datetime(2023, 11, 16, 18, 14, tzinfo=UTC), 1, 1)
    assert seconds_until_due(row, datetime(2023, 11, 16, 18, 15, tzinfo=UTC), 1.0, 0.0) == 0.0


def test_keys_differ_by_run_row_and_step_and_nothing_else() -> None:
    keys = {idempotency_key(run, line, step) for run in "ab" for line in (1, 2) for step in ("authorise", "settle")}
    assert len(keys) == 8
    assert idempotency_key("a", 1, "settle") == idempotency_key("a", 1, "settle")
    # The longest run name leaves the key within the API's 200 characters.
    assert RUN_NAME.fullmatch("x" * 64)
    assert len(idempotency_key("x" * 64, 10**12, "authorise")) <= 200


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ä", "x" * 65, "a\n"])
def test_run_name_that_cannot_be_a_key_is_refused(name: str) -> None:
    assert not RUN_NAME.fullmatch(name)


def test_totals_add_up_exactly() -> None:
    totals = Totals()
    for outcome in (
        Outcome("charged", 10, 1, Decimal("0.1"), Decimal("0")),
        Outcome("charged", 20, 2, Decimal("0.2"), Decimal("0.000000001")),
        Outcome("refused"),
        Outcome("failed"),
        Outcome("skipped"),
    ):
        totals = totals.plus(outcome)
    assert totals == Totals(2, 30, 3, Decimal("0.3"), Decimal("0.000000001"), refused=1, failed=1)


def rows(count: int) -> list[Row]:
    return [Row(line, datetime(2023, 11, 16, tzinfo=UTC), line, 1) for line in range(2, count + 2)]


def test_every_row_is_sent_once_by_the_callers_together() -> None:
    together = threading.Barrier(4, timeout=10)
    sent: list[int] = []

    def send(row: Row) -> Outcome:
        # Passes only while four callers are sending at the same time.
        together.wait()
        sent.append(row.line)
        return Outcome("charged", row.input_tokens)

    outcomes = list(send_all(rows(40), send, 4, Event()))
    assert sorted(sent) == list(range(2, 42))
    assert sorted(outcome.input_tokens for outcome in outcomes) == list(range(2, 42))


def test_large_file_is_not_read_ahead() -> None:
    read: list[int] = []

    def noted() -> Iterator[Row]:
        for row in rows(1000):
            read.append(row.line)
            yield row

    outcomes = send_all(noted(), lambda row: Outcome("charged"), 3, Event())
    next(outcomes)
    assert len(read) <= 2 * 3 + 1
    outcomes.close()


def test_stop_sends_no_further_row_and_still_counts_what_is_under_way() -> None:
    stop = Event()
    sent: list[int] = []

    def send(row: Row) -> Outcome:
        sent.append(row.line)
        if row.line == 10:
            stop.set()
        return Outcome("charged", 1)

    outcomes = list(send_all(rows(1000), send, 2, stop))
    assert len(outcomes) == len(sent) < 20
