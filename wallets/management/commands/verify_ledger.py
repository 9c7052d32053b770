"""Check every invariant of the ledger on one snapshot; exits with 1 where one is violated or a check did not finish."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from wallets.models import VerificationRun
from wallets.verification import Check, verify


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hot", action="store_true", help="only what changed lately, as every five minutes")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = VerificationRun.Scope.HOT if options["hot"] else VerificationRun.Scope.FULL
        run, checks = verify(scope)
        for check in checks:
            figures = f"{check.milliseconds:>6} ms  {check.examined:>10,} rows"
            self.stdout.write(f"{_state(check):>14}  {figures}  {check.name}: {check.promise}")
            for row in [check.failure] if check.failure else check.rows:
                self.stdout.write(f"{'':>14}  {row}")
        since = f" since {run.since:%Y-%m-%d %H:%M} UTC" if run.since else ""
        unfinished = f", {run.unfinished} did not finish" if run.unfinished else ""
        looked = f"{run.examined:,} rows{since}, {run.milliseconds} ms"
        self.stdout.write(f"{run.checks} checks, {run.violations} violations{unfinished}, {looked}")
        if not run.sound:
            sys.exit(1)


def _state(check: Check) -> str:
    if check.failure:
        return "NOT FINISHED"
    return f"{check.violations} VIOLATIONS" if check.violations else "ok"
