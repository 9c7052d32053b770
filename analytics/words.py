"""What figures say, in a sentence. Pure."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from analytics.live import Curve, Live
from common.templatetags.figures import money_text

CENT = Decimal("0.01")
MANY_DAYS = 366


def headline(live: Live) -> str:
    """What the curve of the balance shows."""
    if live.stop:
        return _standstill(live, live.stop.since) if live.stop.since else "No credits yet"
    curve, currency = live.curve, live.organisation.currency
    minutes = round(curve.minutes)
    length = "hour" if minutes >= 59 else "minute" if minutes == 1 else f"{minutes} minutes"
    if curve.spent <= 0:
        said = f"Nothing spent in the last {length}"
    else:
        said = f"{money_text(curve.spent / curve.minutes, currency)} a minute in the last {length}"
    added = [row.posted_at for row in curve.credits if row.posted_at > curve.start]  # not what the curve begins with
    if not added:
        return said
    often = f"{len(added)} times, last at" if len(added) > 1 else "at"
    return f"{said}; credits added {often} {_at(added[0], live)}"


def pace(available: Decimal, curve: Curve) -> str:
    """How long what is available lasts at the pace of the curve: "about 2 h", "" where nothing was spent."""
    if curve.spent <= 0 or available <= 0:
        return ""
    minutes = int(available * curve.minutes / curve.spent)
    if minutes < 120:
        return f"about {minutes} min"
    days = minutes // 1440
    if days < 2:
        return f"about {minutes // 60} h"
    return f"about {days} d" if days < MANY_DAYS else "more than a year"


def _standstill(live: Live, since: datetime) -> str:
    left = money_text(live.standing.there, live.organisation.currency)
    if live.standing.there < CENT:
        return f"Balance reached zero at {_at(since, live)} and not a cent below"
    return f"At {_at(since, live)} what is left, {left}, no longer paid for a call"


def _at(moment: datetime, live: Live) -> str:
    local, today = (at.astimezone(ZoneInfo(live.organisation.billing_zone)) for at in (moment, live.as_of))
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%-d %B, %H:%M}"
