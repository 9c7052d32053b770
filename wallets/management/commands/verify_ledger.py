"""Check every invariant of the ledger on one snapshot; exits with 1 on any violation."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from wallets.verification import verify


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        run, checks = verify()
        for check in checks:
            state = "ok" if not check.violations else f"{check.violations} VIOLATIONS"
            self.stdout.write(f"{state:>14}  {check.milliseconds:>6} ms  {check.name}: {check.promise}")
            for row in check.rows:
                self.stdout.write(f"{'':>14}  {row}")
        self.stdout.write(f"{run.checks} checks, {run.violations} violations, {run.milliseconds} ms")
        if run.violations:
            sys.exit(1)
