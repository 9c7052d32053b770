"""One billing clock, and one place that cuts days."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from common.checks import clock_is_true, no_demo_in_production
from common.clock import billing_now
from tests import database
from tests.metering.figures import one


@pytest.mark.usefixtures("transactional_db")
def test_the_clock_runs_ahead_by_what_was_set_and_never_goes_back() -> None:
    assert abs(billing_now() - datetime.now(UTC)) < timedelta(minutes=1)
    database.advance_clock(3600)
    database.advance_clock(3600)
    assert abs(billing_now() - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    with pytest.raises(psycopg.errors.RaiseException, match="never goes back"):
        database.advance_clock(-1)
    assert one("SELECT ahead FROM common_clockoffset") == (timedelta(hours=2),)


@pytest.mark.usefixtures("transactional_db")
def test_the_clock_has_one_offset() -> None:
    database.advance_clock(1)
    with database.owner() as owner, pytest.raises(psycopg.errors.CheckViolation, match="clock_has_one_row"):
        owner.execute("INSERT INTO common_clockoffset VALUES (false, '1 day')")


@pytest.mark.usefixtures("transactional_db")
def test_the_product_can_not_move_the_clock() -> None:
    with pytest.raises(Exception, match="permission denied for table common_clockoffset"):
        connection.cursor().execute("INSERT INTO common_clockoffset VALUES (true, '1 day')")


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        # Clocks in Berlin go forward on 29 March 2026 and back on 25 October 2026, both at 01:00 UTC.
        ("2026-03-28T22:59:59Z", "Europe/Berlin", "2026-03-28"),
        ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-29"),  # a day of 23 hours
        ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"),
        ("2026-10-24T21:59:59Z", "Europe/Berlin", "2026-10-24"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"),  # a day of 25 hours
        ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"),
        # São Paulo's clocks once went forward at midnight: that day began at 01:00.
        ("2018-11-04T02:59:59Z", "America/Sao_Paulo", "2018-11-03"),
        ("2018-11-04T03:00:00Z", "America/Sao_Paulo", "2018-11-04"),
        # Kathmandu is 5 h 45 min ahead.
        ("2026-06-01T18:14:59Z", "Asia/Kathmandu", "2026-06-01"),
        ("2026-06-01T18:15:00Z", "Asia/Kathmandu", "2026-06-02"),
        ("2026-12-31T12:00:00Z", "Pacific/Kiritimati", "2027-01-01"),
        ("2026-01-01T11:59:59Z", "Pacific/Pago_Pago", "2026-01-01"),
        ("2026-01-01T10:59:59Z", "Pacific/Pago_Pago", "2025-12-31"),
        ("2026-02-28T23:59:59Z", "UTC", "2026-02-28"),
    ],
)
@pytest.mark.usefixtures("django_db_setup")
def test_a_billing_day_begins_at_local_midnight(moment: str, zone: str, day: str) -> None:
    assert one("SELECT billing_day(%s::timestamptz, %s)", moment, zone) == (date.fromisoformat(day),)


@pytest.mark.usefixtures("transactional_db")
def test_the_deploy_checks_refuse_a_moved_clock_and_the_demo(settings: object) -> None:
    assert clock_is_true(None, ["default"]) == []
    database.advance_clock(60)
    assert [found.id for found in clock_is_true(None, ["default"])] == ["portal.E003"]
    settings.DEMO = True  # type: ignore[attr-defined]
    assert [found.id for found in no_demo_in_production(None)] == ["portal.E001"]
    settings.DEMO = False  # type: ignore[attr-defined]
    assert no_demo_in_production(None) == []
