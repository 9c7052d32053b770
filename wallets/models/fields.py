"""Columns that several tables share."""

from decimal import Decimal
from typing import Any

from django.db import models


def money(**options: Any) -> "models.DecimalField[Decimal | int | str, Decimal]":
    """A column for an amount in the organisation's currency: numeric(20,9)."""
    return models.DecimalField(max_digits=20, decimal_places=9, **options)


def money_or_none() -> "models.DecimalField[Decimal | int | str | None, Decimal | None]":
    """The same, where there may be none."""
    return models.DecimalField(max_digits=20, decimal_places=9, null=True, blank=True)
