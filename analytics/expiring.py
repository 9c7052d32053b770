"""Credits that will expire, and what of them will be left then at the present rate. Forecasting is pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from analytics.burn import burn_rates
from analytics.runway import BurnRate
from common.money import EXACT, round_charge
from organisations.models import Organisation
from wallets.models import Grant
from wallets.selectors import grants_in_spending_order

SOON = timedelta(days=14)
RATE_DAYS = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Expiring:
    """A lot that expires; `left_then` is what of its `remaining` will not have been spent."""

    lot: Grant
    left_then: Decimal


@dataclass(frozen=True)
class Forecast:
    """Lots that expire soon, the soonest first, at a rate."""

    lots: Sequence[Expiring]
    rate: BurnRate


def expiring_soon(
    organisation: Organisation, now: datetime, rate: BurnRate | None = None, within: timedelta = SOON
) -> Forecast | None:
    """What expires `within` that time from `now` (aware); None where nothing does. The caller is inside a scope.

    `rate`: that of the last 7 days, where it is known already.
    """
    lots = list(grants_in_spending_order(organisation))
    soon = [lot for lot in lots if lot.expires_at is not None and now < lot.expires_at <= now + within]
    if not soon:
        return None
    rate = rate or burn_rates(organisation.pk, now)[RATE_DAYS]
    left = forecast(lots, rate.per_day, now)
    soon.sort(key=lambda lot: (lot.expires_at, lot.pk))
    return Forecast([Expiring(lot, left[lot.pk]) for lot in soon], rate)


def forecast(lots: Sequence[Grant], per_day: Decimal, now: datetime) -> dict[int, Decimal]:
    """What of each lot that expires will be left then, if `per_day` is spent evenly; `lots` are in spending order.

    From one expiry to the next, what is spent is taken out of the lots that are still valid, in their order.
    """
    left, at = {lot.pk: lot.remaining for lot in lots}, now
    for end in sorted({lot.expires_at for lot in lots if lot.expires_at is not None and lot.expires_at > now}):
        need = EXACT.multiply(per_day, EXACT.divide(_microseconds(end - at), _microseconds(_DAY)))
        for lot in lots:
            if lot.barred_at is None and (lot.expires_at is None or lot.expires_at > at):
                part = min(need, left[lot.pk])
                left[lot.pk], need = EXACT.subtract(left[lot.pk], part), EXACT.subtract(need, part)
        at = end
    return {lot.pk: round_charge(left[lot.pk]) for lot in lots if lot.expires_at is not None}


def _microseconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1))
