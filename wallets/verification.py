"""The ledger's invariants, run over one snapshot, with the result kept.

Every app puts its own under `sql/invariants/`, one file each:

    -- A first line that says what must hold.
    -- looks at: wallets_wallet, wallets_changed_transfers(%(since)s)
    SELECT … of the rows that break it

`%(since)s` is the moment from which on changes are looked at: '-infinity' when everything is, so one text serves the
run every five minutes and the one at night. Rows that changed come from `wallets_changed_…(%(since)s)` and
`metering_changed_usage(%(since)s)`; what is small by nature (wallet rows, lots that are left, open holds) is looked at
whole. What `looks at` names is counted as rows that were examined. A line `-- nightly: why` keeps a file out of the
run every five minutes. A percent sign (`LIKE 'x%%'`) is written twice; `wallets_change(debit, credit, amount)` is what
a transfer does to the balance.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, connection, transaction

from common.clock import billing_now
from common.tenancy import platform
from wallets.invariants import Invariant, invariants
from wallets.models import VerificationRun

SHOWN = 20  # rows of a violation that are kept; the count is of all of them
# A run that takes longer is ended. Below an hour: the queue would give the task to another worker then.
SECONDS = {VerificationRun.Scope.HOT: 120, VerificationRun.Scope.FULL: 50 * 60}
# A posting is dated before it is committed: one that the last run could not see yet may be dated before that run.
OVERLAP = timedelta(hours=1)
FURTHEST = timedelta(days=1)  # a hot run looks no further back; the nightly one sees everything
# Counted in the database: a fault may break millions of rows.
BROKEN = f"WITH x AS MATERIALIZED ({{}}\n) SELECT (SELECT count(*) FROM x) AS broken, x.* FROM x LIMIT {SHOWN}"  # noqa: S608
TOO_LATE = "The run's time was over before it."

logger = logging.getLogger(__name__)


class Check(NamedTuple):
    """One invariant's result: how many rows break it, the first of them, how many were looked at.

    `failure` says why the check did not finish, so that nothing is known; "" where it did.
    """

    name: str
    promise: str
    violations: int
    rows: list[str]
    milliseconds: int
    examined: int = 0
    failure: str = ""


@dataclass
class _Look:
    """What one run looks at, until when it may, and what was counted so far."""

    since: str
    ends: float
    counted: dict[str, int] = field(default_factory=dict)

    def count(self, sources: tuple[str, ...]) -> int:
        """How many rows these are; each source is counted once a run."""
        for source in sources:
            if source not in self.counted:
                [row] = self.ask(f"SELECT count(*) AS rows FROM {source}")  # noqa: S608  (ours, out of a file)
                self.counted[source] = row["rows"]
        return sum(self.counted[source] for source in sources)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a statement, which is cancelled when the run's time is over."""
        left = max(1, round((self.ends - time.perf_counter()) * 1000))
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {left}")
            cursor.execute(sql, {"since": self.since})
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def verify(
    scope: VerificationRun.Scope = VerificationRun.Scope.FULL, seconds: int | None = None
) -> tuple[VerificationRun, list[Check]]:
    """Run the invariants over one read-only snapshot of all organisations, store the run, return both.

    `HOT` looks at what changed since an hour before the last clean run, `FULL` at everything. After `seconds` (else
    those of the scope) what is left is given up. A check that fails is part of the result; nothing is raised for it.
    """
    started, clock = billing_now(), time.perf_counter()
    since = _since(started) if scope == VerificationRun.Scope.HOT else None
    look = _Look(since.isoformat() if since else "-infinity", clock + (seconds or SECONDS[scope]))
    asked = [one for one in invariants() if since is None or not one.nightly]
    checks: list[Check] = []
    failure = ""
    try:
        with platform("read", snapshot=True), connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '128MB'")
            # Row security lets PostgreSQL expect few rows and loop over them; over a whole history that takes hours.
            cursor.execute(f"SET LOCAL enable_nestloop = {'on' if since else 'off'}")
            for one in asked:
                checks.append(_check(one, look))
    except Exception as error:
        # The connection was lost, or the process is asked to end: what was not reached is not known to hold.
        logger.exception("the checks of the ledger did not finish")
        failure = _told(error)
    checks += [Check(one.name, one.promise, 0, [], 0, failure=failure) for one in asked[len(checks) :]]
    with platform("write"):
        run = VerificationRun.objects.create(
            scope=scope, since=since, started_at=started, milliseconds=_passed(clock), checks=len(checks),
            violations=sum(check.violations for check in checks), unfinished=sum(bool(c.failure) for c in checks),
            examined=sum(look.counted.values()), details=[check._asdict() for check in checks],
        )  # fmt: skip
    if not run.sound:
        logger.error("the ledger: %s violations, %s checks did not finish", run.violations, run.unfinished)
    return run, checks


def _since(now: datetime) -> datetime:
    """From the last run that knew of nothing wrong: what a run found stays in sight of those that follow."""
    clean = VerificationRun.objects.filter(violations=0, unfinished=0).order_by("-started_at").first()
    furthest = now - FURTHEST
    return max(clean.started_at if clean else furthest, furthest) - OVERLAP


def _check(one: Invariant, look: _Look) -> Check:
    clock = time.perf_counter()
    if clock > look.ends:
        return Check(one.name, one.promise, 0, [], 0, failure=TOO_LATE)
    try:
        with transaction.atomic():  # a savepoint: the next check goes on in the same snapshot
            examined = look.count(one.looks_at)
            rows = look.ask(BROKEN.format(one.sql))
    except DatabaseError as error:
        if connection.needs_rollback:
            raise  # the connection is gone, and the snapshot with it
        return Check(one.name, one.promise, 0, [], _passed(clock), failure=_told(error))
    violations = rows[0]["broken"] if rows else 0
    shown = [", ".join(f"{name} {value}" for name, value in row.items() if name != "broken") for row in rows]
    return Check(one.name, one.promise, violations, shown, _passed(clock), examined)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _passed(clock: float) -> int:
    return round((time.perf_counter() - clock) * 1000)
