"""One clock for billing: the database's."""

from datetime import date, datetime
from functools import cache
from zoneinfo import available_timezones

from django.db import connection


def billing_now() -> datetime:
    """The database's billing time (aware, UTC). Ask once per operation and pass it on.

    It is `clock_timestamp()` plus an offset that only tests and the demo may set, so that no web
    process's own clock can open a day, a rate or an expiry too early.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_now()")
        now: datetime = cursor.fetchone()[0]
    return now


def end_of_day(day: date, zone: str) -> datetime:
    """The moment (aware) at which a local day of `zone` is over, which is the first one of the next."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_period_end(%s, 'day', %s)", [day, zone])
        moment: datetime = cursor.fetchone()[0]
    return moment


def billing_day(moment: datetime, zone: str) -> date:
    """The local day that `moment` (aware) is in, with days cut in `zone` (an IANA name): the database's own answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_day(%s, %s)", [moment, zone])
        day: date = cursor.fetchone()[0]
    return day


@cache
def zones() -> frozenset[str]:
    """The names of the IANA time zones. They lie in some 600 files, which are read at the first call."""
    return frozenset(available_timezones())
