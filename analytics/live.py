"""The figures of an organisation's live page, all of one moment: the caller is inside a snapshot."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Sum

from analytics.burn import burn_rates, first_usage_at
from analytics.feed import Event, feed
from analytics.runway import BurnRate, Runway, runway
from analytics.spend import Spending, since_day, since_moment
from common.clock import billing_day, billing_now
from metering.models import UsageRecord
from organisations.models import Organisation
from wallets.history import Point, Stop, balance_curve, credits_given, first_credits_at, started_over_at, stopped
from wallets.models import Transfer, Wallet
from wallets.selectors import Standing, standing_with_accrued

CURVE = timedelta(hours=1)
CURVE_STEPS = 120
SHORTEST_CURVE = timedelta(minutes=2)


@dataclass(frozen=True)
class Curve:
    """The balance since `start`: over the last hour, at most since the first credits or since a sandbox started over.

    With the credits that came in and what was spent in that time.
    """

    start: datetime
    points: list[Point]
    credits: list[Transfer]
    spent: Decimal
    minutes: Decimal


@dataclass(frozen=True)
class Live:
    """`since` is when spend, tokens and the table begin: the local month, or when a sandbox started over."""

    organisation: Organisation
    as_of: datetime
    standing: Standing
    stop: Stop | None
    since: datetime
    started_over: bool
    spending: Spending
    day_rate: BurnRate
    week_rate: BurnRate
    runway: Runway
    week_runway: Runway
    curve: Curve
    events: list[Event]

    @property
    def spent(self) -> Decimal:
        return self.spending.charge + self.standing.accrued

    @property
    def given(self) -> Decimal:
        """What there was to spend: what is there and what was spent."""
        return self.standing.there + self.spent


def live(organisation: Organisation) -> Live:
    """Read everything the live page shows."""
    now = billing_now()
    today = billing_day(now, organisation.billing_zone)
    standing = standing_with_accrued(organisation)
    restart = started_over_at(organisation) if organisation.sandbox else None
    since = restart or datetime.combine(today.replace(day=1), time(), ZoneInfo(organisation.billing_zone))
    rates, first = burn_rates(organisation.pk, now), first_usage_at(organisation.pk)

    def lasts(rate: BurnRate) -> Runway:
        return runway(standing.available, rate, first_usage_at=first, now=now, today=today)

    wallet = Wallet.objects.filter(organisation=organisation).first()
    return Live(
        organisation=organisation,
        as_of=now,
        standing=standing,
        stop=stopped(wallet, now) if wallet else Stop(None),
        since=since,
        started_over=restart is not None,
        spending=since_moment(organisation, restart) if restart else since_day(organisation, since.date()),
        day_rate=rates[1],
        week_rate=rates[7],
        runway=lasts(rates[1]),
        week_runway=lasts(rates[7]),
        curve=_curve(organisation, max(now - CURVE, restart or first_credits_at(organisation) or now), now),
        events=feed(organisation, restart or now - timedelta(days=7)),
    )


def _curve(organisation: Organisation, start: datetime, now: datetime) -> Curve:
    drawn_from = min(start, now - SHORTEST_CURVE)
    # What a sandbox had before it started over is not part of its curve.
    points = [
        point if point.at >= start else Point(point.at, None)
        for point in balance_curve(organisation.pk, drawn_from, now, CURVE_STEPS)
    ]
    earliest = billing_day(start, organisation.billing_zone) - timedelta(days=1)
    records = UsageRecord.objects.filter(organisation=organisation, local_day__gte=earliest, posted_at__gt=start)
    spent = records.aggregate(total=Sum("charge"))["total"] or Decimal(0)
    minutes = max(Decimal((now - start) // timedelta(seconds=1)) / 60, Decimal(1))
    return Curve(start, points, credits_given(organisation, start), spent, minutes)
