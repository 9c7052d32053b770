"""Replaying a trace of real traffic: reading it, pacing it, sending it with many callers, adding up what was answered.

Nothing here knows HTTP or the database; the command gives in how one row is sent.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Literal

HEADER = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Longer digits than any model's context: refused here, with a line number, rather than by the API in the middle.
_TOKENS = re.compile(r"[0-9]{1,9}")


class TraceError(ValueError):
    """The file cannot be replayed; says in which line and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One request of the trace: when it came, what went in, what came out, in tokens."""

    line: int
    at: datetime
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Trace:
    """What a file holds, known only after every row was read and found good."""

    digest: str
    first: datetime
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row. Tokens and amounts are those of the receipt, not of the file."""

    kind: Literal["charged", "refused", "failed", "skipped"]
    input_tokens: int = 0
    output_tokens: int = 0
    charged: Decimal = Decimal(0)
    absorbed: Decimal = Decimal(0)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of what the API acknowledged."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    charged: Decimal = Decimal(0)
    absorbed: Decimal = Decimal(0)
    refused: int = 0
    failed: int = 0

    def plus(self, outcome: Outcome) -> "Totals":
        """These sums with one more outcome."""
        return replace(
            self,
            requests=self.requests + (outcome.kind == "charged"),
            input_tokens=self.input_tokens + outcome.input_tokens,
            output_tokens=self.output_tokens + outcome.output_tokens,
            charged=self.charged + outcome.charged,
            absorbed=self.absorbed + outcome.absorbed,
            refused=self.refused + (outcome.kind == "refused"),
            failed=self.failed + (outcome.kind == "failed"),
        )


def read_trace(path: Path) -> Trace:
    """Read the whole file once and describe it. Raises TraceError for the first row that cannot be replayed."""
    first, requests, input_tokens, output_tokens = None, 0, 0, 0
    for row in read_rows(path):
        first = first or row.at
        requests += 1
        input_tokens += row.input_tokens
        output_tokens += row.output_tokens
    if first is None:
        raise TraceError("the file holds no request")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Trace(digest, first, requests, input_tokens, output_tokens)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows one after the other, so that the file may be larger than memory. Raises TraceError."""
    # What is not UTF-8 comes as an escape, which no field allows: so the error names its line.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            if next(reader, None) != HEADER:
                raise TraceError(f"line 1: the header must be {','.join(HEADER)}")
            for cells in reader:
                yield _row(reader.line_num, cells)
        except csv.Error as error:
            raise TraceError(f"line {reader.line_num}: not CSV: {error}") from error


def _row(line: int, cells: list[str]) -> Row:
    if len(cells) != len(HEADER):
        raise TraceError(f"line {line}: {len(cells)} fields instead of {len(HEADER)}")
    at, *tokens = cells
    for name, cell in zip(HEADER[1:], tokens, strict=True):
        if not _TOKENS.fullmatch(cell):
            raise TraceError(f"line {line}: {name} must be a whole number from 0 to 999999999, not {cell!r}")
    return Row(line, _moment(line, at), int(tokens[0]), int(tokens[1]))


def _moment(line: int, cell: str) -> datetime:
    """A time; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        raise TraceError(f"line {line}: TIMESTAMP must be a time such as 2023-11-16 18:15:46, not {cell!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def seconds_until_due(row: Row, first: datetime, speed: float, elapsed: float) -> float:
    """Seconds to wait before a row is sent, `elapsed` seconds after the start of the run.

    `speed` is a multiple of the trace's own pace: 10 sends it in a tenth of its time, 0 without any wait.
    """
    if not speed:
        return 0.0
    return max(0.0, (row.at - first).total_seconds() / speed - elapsed)


def idempotency_key(run: str, line: int, step: str) -> str:
    """The same key each time the same row of the same run is sent: a run that is started again doubles nothing."""
    return f"replay:{run}:{line}:{step}"


def send_all(rows: Iterable[Row], send: Callable[[Row], Outcome], callers: int, stop: Event) -> Iterator[Outcome]:
    """Send the rows with `callers` threads, in order of starting; outcomes come as they are ready.

    At most two rows a caller are under way, so that memory does not grow with the file. When `stop` is set no further
    row is started; those under way are waited for, because what they were answered still counts.
    """
    pending: set[Future[Outcome]] = set()
    with ThreadPoolExecutor(callers) as pool:
        for row in rows:
            if stop.is_set():
                break
            if len(pending) >= 2 * callers:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            pending.add(pool.submit(send, row))
        yield from (future.result() for future in as_completed(pending))
