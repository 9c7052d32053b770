"""A batch of jobs as two statements over one connection of the process: what is known of the calls, then the ledger."""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from django.conf import settings
from psycopg.rows import namedtuple_row

from metering import ledger, terms
from metering.lane.jobs import Elsewhere

FACTS = "SELECT * FROM metering_facts(%s, %s)"
TERMS = "SELECT digest, body FROM wallets_terms WHERE digest = ANY (%s)"
BATCH = "SELECT * FROM metering_batch(%s, %s::json, %s::json, %s::json, %s::json, %s)"
KINDS = ("settle", "release", "progress", "authorise")
# One plan for all batches, made once: theirs is always the same shape. A server that hangs must not hold callers.
OPTIONS = (
    "-c statement_timeout=4s -c lock_timeout=3s -c idle_in_transaction_session_timeout=5s -c timezone=UTC -c jit=off"
    " -c plan_cache_mode=force_generic_plan"
)


class Ledger:
    """The connection on which batches are carried out, one at a time."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def carry_out(self, jobs: Sequence[Any]) -> list[Any]:
        """What became of each job, in their order: a `ledger.Result`, or the exception that kept it out."""
        outcomes: list[Any] = [None] * len(jobs)
        facts = await self._facts(jobs)
        asked: dict[str, list[tuple[int, Any]]] = {kind: [] for kind in KINDS}
        for place, job in enumerate(jobs):
            try:
                operation = job.operation(facts.get(job.hold))
            except Exception as error:  # of this job alone: the others of the batch must not notice
                outcomes[place] = error
                continue
            operation.n = len(asked[job.kind])
            asked[job.kind].append((place, operation))
        for row in await self._batch(asked):
            place, _ = asked[row.kind][row.n]
            outcomes[place] = ledger.Result(
                row.outcome, row.hold and str(row.hold), row.figures or {}, bool(row.replayed),
                tuple(row.transfers or ()),
            )  # fmt: skip
        return [outcome or Elsewhere() for outcome in outcomes]

    async def _facts(self, jobs: Sequence[Any]) -> dict[Any, Any]:
        holds = [job.hold for job in jobs if job.hold is not None]
        if not holds:
            return {}
        rows = await self._run(FACTS, [sorted({job.organisation for job in jobs}), holds])
        if missing := terms.unknown(row.terms for row in rows):
            for found in await self._run(TERMS, [missing]):
                terms.learn(found.digest, found.body)
        return {row.hold: row for row in rows}

    async def _batch(self, asked: dict[str, list[tuple[int, Any]]]) -> list[Any]:
        operations = {kind: [operation for _, operation in asked[kind]] for kind in KINDS}
        organisations = sorted({o.organisation for of_kind in operations.values() for o in of_kind})
        if not organisations:
            return []
        bodies = [msgspec.json.encode(of_kind).decode() if of_kind else None for of_kind in operations.values()]
        return await self._run(BATCH, [organisations, *bodies, settings.ABSORBED_LIMIT])

    async def _run(self, statement: str, parameters: list[Any]) -> list[Any]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = await _connect()
        try:
            cursor = await connection.execute(statement, parameters, prepare=True)
            return await cursor.fetchall()
        except BaseException as error:
            # One that was cut off or timed out half way may still have an answer under way: never used again.
            if not isinstance(error, psycopg.Error) or connection.closed:
                self._connection = None
                await connection.close()
            raise


async def _connect() -> psycopg.AsyncConnection[Any]:
    database: dict[str, Any] = settings.DATABASES["default"]
    return await psycopg.AsyncConnection.connect(
        host=database["HOST"], port=database["PORT"] or None, dbname=database["NAME"], user=database["USER"],
        password=database["PASSWORD"] or None, autocommit=True, connect_timeout=3, options=OPTIONS,
        application_name="billing_portal lane", row_factory=namedtuple_row,
    )  # fmt: skip
