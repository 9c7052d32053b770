"""The ledger's invariants: SQL that returns what is wrong, run over one snapshot, with the result kept.

Every app puts its own under `sql/invariants/`, one file each: a first comment line that says what must hold, then a
SELECT of the rows that break it.
"""

import time
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from common.database import sql_files
from common.tenancy import platform
from wallets.models import VerificationRun

SHOWN = 20  # rows of a violation that are kept; the count is of all of them


class Check(NamedTuple):
    """One invariant: its name, what must hold, how many rows break it and the first of them."""

    name: str
    promise: str
    violations: int
    rows: list[str]
    milliseconds: int


def verify() -> tuple[VerificationRun, list[Check]]:
    """Run every invariant over one read-only snapshot of all organisations, store the run, return both."""
    started, clock = timezone.now(), time.perf_counter()
    with platform("read", snapshot=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        checks = [_check(file.stem, file.read_text()) for file in sql_files("invariants")]
    with platform("write"):
        run = VerificationRun.objects.create(
            started_at=started,
            milliseconds=_since(clock),
            checks=len(checks),
            violations=sum(check.violations for check in checks),
            details=[check._asdict() for check in checks],
        )
    return run, checks


def _check(name: str, sql: str) -> Check:
    clock = time.perf_counter()
    with connection.cursor() as own:
        own.execute(sql)
        rows = own.fetchall()
    promise = sql.splitlines()[0].removeprefix("--").strip()
    return Check(name, promise, len(rows), [", ".join(map(str, row)) for row in rows[:SHOWN]], _since(clock))


def _since(clock: float) -> int:
    return round((time.perf_counter() - clock) * 1000)
