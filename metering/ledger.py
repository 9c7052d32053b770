"""The one way from Python to the SQL that moves money: operations in, results out, one statement, one commit."""

import uuid
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import connection

from common import live


class Result(NamedTuple):
    """What became of one operation. `figures` holds amounts as decimal strings."""

    outcome: str
    hold: str | None
    figures: dict[str, Any]
    replayed: bool = False
    transfers: tuple[dict[str, Any], ...] = ()  # what a settlement posted


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
    terms: str  # their digest
    subjects: list[str]  # what the call is booked on, for budgets
    project: int
    agent: int
    api_key: int
    model: int
    user: str
    run: str
    input_tokens: int
    dispatched: bool
    # Of which edition of the price book the terms are, and how long they are good at most; None: looked up just now.
    edition: int | None = None
    good_until: str | None = None
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


class Revise(msgspec.Struct):
    """What a settled call really used: `cost` in all, `leaves` and `list_cost` as signed differences to the records
    that there are, `base` many."""

    organisation: int
    key: str
    fingerprint: str
    hold: str
    cost: str
    record: str
    base: int
    status: str
    service_tier: str
    leaves: dict[str, int]
    list_cost: str
    estimated: bool
    flags: list[str]
    raw: msgspec.Raw | None = None
    class_tokens: int | None = None


class Release(msgspec.Struct):
    organisation: int
    key: str | None
    fingerprint: str
    hold: str
    ended_by: str
    n: int = 0


def authorise(operations: list[Authorise]) -> list[Result]:
    return [
        Result(outcome, _text(hold), _figures(figures), replayed)
        for _, outcome, hold, figures, replayed in _run("metering_authorise(%s, %s::json)", operations)
    ]


def progress(operations: list[Progress]) -> list[Result]:
    return [
        Result(outcome, _text(hold), _figures(figures))
        for _, outcome, hold, figures in _run("metering_progress(%s, %s::json)", operations)
    ]


def settle(operations: list[Settle]) -> list[Result]:
    rows = _run("metering_settle(%s, %s::json, %s)", operations, settings.ABSORBED_LIMIT)
    return [
        Result(outcome, _text(hold), _figures(figures), replayed, tuple(msgspec.json.decode(posted or "[]")))
        for _, outcome, hold, figures, replayed, posted in rows
    ]


def revise(operation: Revise) -> Result:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, figures, replayed FROM metering_revise(%s::jsonb, %s)",
            [msgspec.json.encode(operation).decode(), settings.ABSORBED_LIMIT],
        )
        outcome, figures, replayed = cursor.fetchone()
    live.changed_on_commit(operation.organisation)
    return Result(outcome, operation.hold, _figures(figures), replayed)


def release(operations: list[Release]) -> list[Result]:
    return [
        Result(outcome, _text(hold), _figures(figures), replayed)
        for _, outcome, hold, figures, replayed in _run("wallets_release(%s, %s::json)", operations)
    ]


def _run(function: str, operations: list[Any], *more: Any) -> list[tuple[Any, ...]]:
    """Call the function with a batch; the rows are in the order of the operations."""
    for n, operation in enumerate(operations):
        operation.n = n
    with connection.cursor() as cursor:
        # The function is one of the four above, never input.
        statement = f"SELECT * FROM {function} ORDER BY n"  # noqa: S608
        cursor.execute(statement, [sorted({o.organisation for o in operations}), _encode(operations), *more])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    live.changed_on_commit(*{operation.organisation for operation in operations})
    return rows


def _encode(operations: list[Any]) -> str:
    return msgspec.json.encode(operations).decode()


def _figures(text: str | None) -> dict[str, Any]:
    figures: dict[str, Any] = msgspec.json.decode(text or "{}")
    return figures


def _text(hold: uuid.UUID | None) -> str | None:
    return str(hold) if hold else None
