"""The figures of an organisation's first page, all of one moment: the caller is inside a snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from analytics.burn import burn_rates, first_usage_at
from analytics.expiring import RATE_DAYS, Forecast, expiring_soon
from analytics.runway import BurnRates, Runway, runway
from analytics.usage.words import change_text, percent_text
from common.clock import billing_day, billing_now
from metering.filters import Filters, select
from metering.periods import Period, read_period
from metering.sums import Group, Sums, by, total
from organisations.models import Organisation
from wallets.history import Stop, stopped
from wallets.models import Wallet
from wallets.selectors import Standing, standing_with_accrued

ROWS = 6


@dataclass(frozen=True)
class Row:
    """One model or agent in the last 30 days; `change` against the 30 days before."""

    key: str
    name: str
    sums: Sums
    share: str
    change: str


@dataclass(frozen=True)
class Overview:
    """`spend` is the last 30 local days', `before` that of the 30 days before them."""

    as_of: datetime
    today: date
    standing: Standing
    stop: Stop | None
    expiring: Forecast | None
    rates: BurnRates
    runways: Mapping[int, Runway]  # by days of the rate
    period: Period
    spend: Sums
    before: Sums
    models: Sequence[Row]
    agents: Sequence[Row]
    providers: Sequence[str]


def overview(organisation: Organisation) -> Overview:
    """Read everything the overview shows."""
    now = billing_now()
    today = billing_day(now, organisation.billing_zone)
    period = read_period(today=today, name="30d")
    standing, first = standing_with_accrued(organisation), first_usage_at(organisation.pk)
    rates = burn_rates(organisation.pk, now)
    wallet = Wallet.objects.filter(organisation=organisation).first()
    models, before = _groups("model", organisation, period), _groups("model", organisation, period.before)
    return Overview(
        as_of=now,
        today=today,
        standing=standing,
        stop=stopped(wallet, now) if wallet else Stop(None),
        expiring=expiring_soon(organisation, now, rates[RATE_DAYS]),
        rates=rates,
        runways={
            days: runway(standing.available, rate, first_usage_at=first, now=now, today=today)
            for days, rate in rates.items()
        },
        period=period,
        spend=total(group.sums for group in models),
        before=total(group.sums for group in before),
        models=_rows(models, before),
        agents=_rows(_groups("agent", organisation, period), _groups("agent", organisation, period.before)),
        providers=[group.name for group in _groups("provider", organisation, period)],
    )


def _groups(dimension: str, organisation: Organisation, period: Period) -> list[Group]:
    return by(dimension, organisation.pk, period, select(organisation.pk, Filters()))


def _rows(groups: Sequence[Group], before: Sequence[Group]) -> list[Row]:
    earlier = {group.key: group.sums.charge for group in before}
    everything = total(group.sums for group in groups).charge
    return [
        Row(
            group.key, group.name, group.sums, percent_text(group.sums.charge, everything),
            change_text(group.sums.charge, earlier.get(group.key, Decimal(0))),
        )
        for group in groups[:ROWS]
    ]  # fmt: skip
