"""The figures of an organisation's live page, all of one moment: the caller is inside a snapshot."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, Q, QuerySet, Sum

from analytics.burn import burn_rates, first_usage_at
from analytics.feed import Event, feed
from analytics.runway import BurnRate, Runway, runway
from common.clock import billing_day, billing_now
from metering.models import DailyUsage, UsageRecord
from organisations.models import Organisation
from wallets.history import Point, Stop, balance_curve, credits_given, first_credits_at, started_over_at, stopped
from wallets.models import Transfer, Wallet
from wallets.selectors import Standing, standing_with_accrued

CURVE = timedelta(hours=1)
CURVE_STEPS = 120
SHORTEST_CURVE = timedelta(minutes=2)


class Spend(NamedTuple):
    """What one agent used of one model since the page's figures begin; `charge` is in the organisation's currency."""

    provider: str
    model: str
    agent: str
    requests: int
    input_tokens: int
    output_tokens: int
    charge: Decimal
    colour: int  # 1 to 6; a model keeps it while others overtake it

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


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
    rows: list[Spend]
    day_rate: BurnRate
    week_rate: BurnRate
    runway: Runway
    week_runway: Runway
    curve: Curve
    events: list[Event]

    @property
    def charged(self) -> Decimal:
        return sum((row.charge for row in self.rows), Decimal(0))

    @property
    def spent(self) -> Decimal:
        return self.charged + self.standing.accrued

    @property
    def given(self) -> Decimal:
        """What there was to spend: what is there and what was spent."""
        return self.standing.there + self.spent

    @property
    def input_tokens(self) -> int:
        return sum(row.input_tokens for row in self.rows)

    @property
    def output_tokens(self) -> int:
        return sum(row.output_tokens for row in self.rows)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def models(self) -> int:
        return len({(row.provider, row.model) for row in self.rows})

    @property
    def providers(self) -> int:
        return len({row.provider for row in self.rows})

    @property
    def agents(self) -> int:
        return len({row.agent for row in self.rows})


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
        stop=stopped(wallet, now) if wallet else Stop(now, 0),
        since=since,
        started_over=restart is not None,
        rows=_since_restart(organisation, restart) if restart else _since_day(organisation, since),
        day_rate=rates[1],
        week_rate=rates[7],
        runway=lasts(rates[1]),
        week_runway=lasts(rates[7]),
        curve=_curve(organisation, max(now - CURVE, restart or first_credits_at(organisation) or now), now),
        events=feed(organisation, restart or now - timedelta(days=7)),
    )


def _since_day(organisation: Organisation, since: datetime) -> list[Spend]:
    return _by_model(DailyUsage.objects.filter(organisation=organisation, local_day__gte=since.date()), Sum("requests"))


def _since_restart(organisation: Organisation, restart: datetime) -> list[Spend]:
    """From the records: a sandbox may start over in the middle of a day, and one run of it is short."""
    earliest = billing_day(restart, organisation.billing_zone) - timedelta(days=1)
    records = UsageRecord.objects.filter(organisation=organisation, local_day__gte=earliest, posted_at__gte=restart)
    return _by_model(records, Count("pk", filter=Q(revision=0)))


def _by_model(rows: "QuerySet[DailyUsage] | QuerySet[UsageRecord]", requests: Aggregate) -> list[Spend]:
    grouped = rows.values_list("model__provider__name", "model__name", "agent__name").annotate(
        calls=requests, came_in=Sum("input_tokens"), came_out=Sum("output_tokens"), spent=Sum("charge")
    )
    found: list[tuple[Any, ...]] = list(grouped.order_by("-spent", "model__name", "agent__name"))
    colours = {name: n % 6 + 1 for n, name in enumerate(sorted({row[1] for row in found}))}
    return [Spend._make((*row, colours[row[1]])) for row in found]


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
