"""What finance is told of the ledger's checks: whether they held, finished, and run at all."""

from datetime import datetime, timedelta
from typing import NamedTuple

from common.clock import billing_now
from wallets.models import VerificationRun

Scope = VerificationRun.Scope
LATE_AFTER = {Scope.HOT: timedelta(minutes=15), Scope.FULL: timedelta(hours=26)}


class Checked(NamedTuple):
    """How it stands with the runs of one scope.

    `newest` is the last run, `known` the last one that found something wrong or finished: after a violation, a run
    that did not finish doesn't make it undone. `finished_at` is when the last one began of which every check finished.
    """

    scope: VerificationRun.Scope
    newest: VerificationRun | None
    known: VerificationRun | None
    finished_at: datetime | None
    late: bool

    @property
    def violated(self) -> bool:
        return bool(self.known and self.known.violations)

    @property
    def unfinished(self) -> bool:
        return bool(self.newest and self.newest.unfinished)

    @property
    def limit(self) -> str:
        """After what time without a finished run it is late, in words."""
        return "15 minutes" if self.scope == Scope.HOT else "26 hours"


class Books(NamedTuple):
    """The runs over what changed lately, and those over everything."""

    hot: Checked
    full: Checked

    @property
    def violated(self) -> list[Checked]:
        return [checked for checked in self if checked.violated]

    @property
    def unfinished(self) -> list[Checked]:
        return [checked for checked in self if checked.unfinished and not checked.violated]

    @property
    def late(self) -> list[Checked]:
        return [checked for checked in self if checked.late]

    @property
    def newest(self) -> VerificationRun | None:
        """The last run of either."""
        runs = [checked.newest for checked in self if checked.newest]
        return max(runs, key=lambda run: run.started_at, default=None)


def books() -> Books:
    """The state of the checks at this moment."""
    now = billing_now()
    return Books(_checked(Scope.HOT, now), _checked(Scope.FULL, now))


def _checked(scope: VerificationRun.Scope, now: datetime) -> Checked:
    runs = VerificationRun.objects.filter(scope=scope).order_by("-started_at", "-pk")
    known = newest = runs.first()
    finished_at = newest.started_at if newest else None
    if newest and newest.unfinished:
        finished = runs.filter(unfinished=0).first()
        finished_at = finished.started_at if finished else None
        wrong = runs.filter(violations__gt=0).first()
        known = max((run for run in (finished, wrong) if run), key=lambda run: run.started_at, default=None)
    return Checked(scope, newest, known, finished_at, _is_late(scope, finished_at, now))


def _is_late(scope: VerificationRun.Scope, finished_at: datetime | None, now: datetime) -> bool:
    if finished_at is None:  # none yet: late from when the first run of any kind was, which shows that they run
        first = VerificationRun.objects.order_by("started_at").first()
        if first is None:
            return scope == Scope.HOT
        finished_at = first.started_at
    return now - finished_at > LATE_AFTER[scope]
