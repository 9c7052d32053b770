"""The sums by local day made anew from the usage records: a nightly safety net, and a tool after a repair."""

from datetime import date, timedelta

import structlog
from django.db import DatabaseError, connection
from django.db.models import Max, Min

from common.clock import billing_day, billing_now
from common.tenancy import platform, tenant
from metering.models import DailyUsage, UsageRecord
from organisations.models import Organisation

log = structlog.get_logger("rebuilding")
# Two, since clocks change: where they do so around the hour at which this runs, one night's yesterday is two days away.
NIGHTLY = 2


def rebuild_days(organisation_id: int, first: date, last: date) -> int:
    """Make the sums of these local days anew, each in a short transaction of its own; returns how many days.

    A day's transaction holds the wallet's lock while it reads that day's records: no settlement is lost or counted
    twice, and none waits for more than one day's rows.
    """
    days = (last - first).days + 1
    for ahead in range(days):
        with tenant(organisation_id), connection.cursor() as cursor:
            cursor.execute("SELECT metering_rebuild_day(%s, %s)", [organisation_id, first + timedelta(days=ahead)])
    return max(days, 0)


def days_with_usage(organisation_id: int) -> tuple[date, date] | None:
    """The first and the last local day of an organisation that has usage records or sums; None where it has neither."""
    with tenant(organisation_id, snapshot=True):
        found = [
            kind._default_manager.filter(organisation_id=organisation_id).aggregate(
                first=Min("local_day"), last=Max("local_day")
            )
            for kind in (UsageRecord, DailyUsage)
        ]
    known = [(ends["first"], ends["last"]) for ends in found if ends["first"]]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def rebuild_latest() -> None:
    """Make the sums of every organisation's last days before today anew. Safe to run any number of times.

    An organisation whose wallet is too busy is left to the next night: its sums are written with each settlement.
    """
    now = billing_now()
    with platform("read"):
        organisations = list(Organisation.objects.order_by("pk").values_list("pk", "billing_zone"))
    for organisation_id, zone in organisations:
        today = billing_day(now, zone)
        try:
            rebuild_days(organisation_id, today - timedelta(days=NIGHTLY), today - timedelta(days=1))
        except DatabaseError:
            log.exception("an organisation's sums can't be made anew", organisation=organisation_id)
