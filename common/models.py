"""Tables without a business noun."""

from typing import ClassVar

from django.db import models


class ClockOffset(models.Model):
    """How far the billing clock runs ahead: one row, which only grows. Tests and the demo set it as the owner role."""

    database_rights: ClassVar[str] = "SELECT"

    only_row = models.BooleanField(primary_key=True, default=True)
    ahead = models.DurationField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(only_row=True), name="clock_has_one_row"),
        ]

    def __str__(self) -> str:
        return f"{self.ahead} ahead"
