"""How fast credits are spent and how long they last. Pure: facts in, figures out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from common.money import EXACT

ENOUGH = timedelta(hours=24)  # of usage, before a rate says anything about the days to come
LAST_DAY = date.max.toordinal()


@dataclass(frozen=True)
class BurnRate:
    """What was charged in the last `days` times 24 hours."""

    charged: Decimal
    days: int

    @property
    def per_day(self) -> Decimal:
        """Charged ÷ days, in the organisation's currency; for pages, which round it to show it."""
        return EXACT.divide(self.charged, Decimal(self.days))


BurnRates = Mapping[int, BurnRate]  # by days: 1, 7, 30


@dataclass(frozen=True)
class Runway:
    """`days` and `until` only where `state` is "days"; `until` is None where no calendar reaches that far."""

    state: Literal["days", "no usage", "not enough data"]
    days: int | None = None
    until: date | None = None


def runway(
    available: Decimal, rate: BurnRate, *, first_usage_at: datetime | None, now: datetime, today: date
) -> Runway:
    """How many whole days what is available lasts at the rate, and the local day it lasts to.

    `today` is the local day of `now`. Computed from what was charged, not from the rounded quotient: $3 at $3 in seven
    days last seven days, not six.
    """
    if first_usage_at is None or rate.charged <= 0:
        return Runway("no usage")
    if now - first_usage_at < ENOUGH:
        return Runway("not enough data")
    left = EXACT.multiply(max(available, Decimal(0)), Decimal(rate.days))
    days = int(EXACT.divide_int(left, rate.charged))
    far = today.toordinal() + days > LAST_DAY
    return Runway("days", days, None if far else today + timedelta(days=days))
