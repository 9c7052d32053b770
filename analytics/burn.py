"""What was charged lately, from usage."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db.models import Q, Sum

from analytics.runway import BurnRate, BurnRates
from metering.models import DailyUsage, UsageRecord

WINDOWS = (1, 7, 30)  # days of 24 hours


def burn_rates(organisation_id: int, now: datetime) -> BurnRates:
    """What was charged in the 24 hours, 7 and 30 days before `now` (aware), by days; the caller is inside a snapshot.

    Exact to the moment: whole local days come from their sums, the days at the edge of a window from the usage records
    themselves, read from an index. So at most a few days' records are read, however long the history is.
    """
    # From the longest window's edge on: without that bound every day of the history would be read to add up 30.
    whole_days = DailyUsage.objects.filter(organisation_id=organisation_id, local_day__gt=_edge(now, max(WINDOWS))[-1])
    sums = whole_days.aggregate(
        **{str(days): Sum("charge", filter=Q(local_day__gt=_edge(now, days)[-1])) for days in WINDOWS}
    )
    return {
        days: BurnRate((sums[str(days)] or Decimal(0)) + _charged_at_edge(organisation_id, now, days), days)
        for days in WINDOWS
    }


def first_usage_at(organisation_id: int) -> datetime | None:
    """When the organisation's first call was charged; None before that."""
    records = UsageRecord.objects.filter(organisation_id=organisation_id).order_by("local_day", "posted_at", "pk")
    return records.values_list("posted_at", flat=True).first()


def _charged_at_edge(organisation_id: int, now: datetime, days: int) -> Decimal:
    records = UsageRecord.objects.filter(
        organisation_id=organisation_id, local_day__in=_edge(now, days), posted_at__gt=now - timedelta(days=days)
    )
    charged: Decimal | None = records.aggregate(total=Sum("charge"))["total"]
    return charged or Decimal(0)


def _edge(now: datetime, days: int) -> list[date]:
    """The local days that a window's first moment can be in. Later ones lie in the window as a whole, in any zone, so
    that a change of the billing zone in between changes nothing."""
    begins = (now - timedelta(days=days)).astimezone(UTC).date()
    return [begins + timedelta(days=shift) for shift in (-1, 0, 1)]
