"""What the checks of the ledger found, kept."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models


class VerificationRun(models.Model):
    """One run of the ledger's invariants over one snapshot: of what changed since a moment, or of everything.

    `details` has one entry an invariant: `name`, `promise`, `violations`, `rows` (the first that break it),
    `examined` (rows looked at), `milliseconds` and `failure` ("" or why it did not finish).
    """

    class Scope(models.TextChoices):
        HOT = "hot", "Changed lately"
        FULL = "full", "Everything"

    database_rights: ClassVar[str] = "SELECT, INSERT"

    scope = models.CharField(max_length=4, choices=Scope.choices, default=Scope.FULL)
    since = models.DateTimeField(null=True)  # from when on changes were looked at; NULL: all there is
    started_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    checks = models.PositiveIntegerField()
    violations = models.PositiveIntegerField()
    unfinished = models.PositiveIntegerField(default=0)  # checks ended by an error or time limit: nothing is known
    examined = models.PositiveBigIntegerField(default=0)  # rows that were looked at, each once
    details = models.JSONField()

    class Meta:
        get_latest_by = "started_at"
        indexes = [
            models.Index(fields=["-started_at"], name="verification_latest"),
            models.Index(fields=["scope", "-started_at"], name="verification_latest_of_scope"),
        ]

    @property
    def sound(self) -> bool:
        """Every check finished and found nothing wrong."""
        return not (self.violations or self.unfinished)

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The checks that found something wrong."""
        return [check for check in self.details if check["violations"]]

    @property
    def gravest_first(self) -> list[dict[str, Any]]:
        """All checks: what is violated, then what did not finish, then what holds."""
        checks = [{"examined": None, "failure": "", **check} for check in self.details]  # older runs had neither
        return sorted(checks, key=lambda check: (not check["violations"], not check["failure"]))

    @property
    def seconds(self) -> str:
        """How long it took, with one place."""
        return f"{Decimal(self.milliseconds) / 1000:.1f}"

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} UTC: {self.violations or 'no'} violations"
