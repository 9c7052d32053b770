"""The one way from Python to the SQL that moves money: operations in, results out, one statement, one commit."""

from typing import Any, NamedTuple

import msgspec
from django.db import connection

from common import live


class Result(NamedTuple):
    """What became of one operation. `figures` holds amounts as decimal strings."""

    outcome: str
    hold: str | None
    figures: dict[str, Any]
    replayed: bool


class Authorise(msgspec.Struct):
    """One call to hold money for. `fixed` and `unit` (per output token) are exact, not rounded."""

    organisation: int
    key: str
    fingerprint: str
    hold: str
    fixed: str
    unit: str
    asked: int
    wanted: int
    minimum: int
    ttl: int
    terms: dict[str, Any]
    project: int
    agent: int
    api_key: int
    model: int
    user: str
    run: str
    input_tokens: int
    dispatched: bool
    n: int = 0


class Progress(msgspec.Struct):
    organisation: int
    hold: str
    seq: int
    accrued: str
    usage: dict[str, int]
    n: int = 0


class Settle(msgspec.Struct):
    """One call to charge. `key` None for an end by expiry, which no caller repeats."""

    organisation: int
    key: str | None
    fingerprint: str
    hold: str
    cost: str
    ended_by: str
    record: str
    status: str
    service_tier: str
    leaves: dict[str, int]
    list_cost: str
    estimated: bool
    flags: list[str]
    raw: msgspec.Raw | None = None
    class_tokens: int | None = None
    n: int = 0


class Release(msgspec.Struct):
    organisation: int
    key: str | None
    fingerprint: str
    hold: str
    ended_by: str
    n: int = 0


def authorise(operations: list[Authorise]) -> list[Result]:
    return _run("metering_authorise", operations)


def progress(operations: list[Progress]) -> list[Result]:
    return _run("metering_progress", operations)


def settle(operations: list[Settle]) -> list[Result]:
    return _run("metering_settle", operations)


def release(operations: list[Release]) -> list[Result]:
    return _run("wallets_release", operations)


def _run(function: str, operations: list[Any]) -> list[Result]:
    """Call the function with a batch; the results are in the order of the operations."""
    for n, operation in enumerate(operations):
        operation.n = n
    with connection.cursor() as cursor:
        # The function's name is one of the four above, never input.
        cursor.execute(f"SELECT * FROM {function}(%s::json) ORDER BY n", [_encode(operations)])  # noqa: S608
        results = [_result(row) for row in cursor.fetchall()]
    live.changed_on_commit(*{operation.organisation for operation in operations})
    return results


def _encode(operations: list[Any]) -> str:
    return msgspec.json.encode(operations).decode()


def _result(row: tuple[Any, ...]) -> Result:
    _, outcome, hold, figures, *replayed = row
    return Result(outcome, hold and str(hold), msgspec.json.decode(figures or "{}"), bool(replayed and replayed[0]))
