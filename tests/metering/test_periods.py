"""Ranges and days are periods of local days; what is none is refused in words."""

from datetime import date, timedelta

import pytest

from metering.periods import MOST_DAYS, Period, WrongPeriod, read_period

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("name", "today", "first", "last"),
    [
        ("", TODAY, "2026-03-02", "2026-03-31"),
        ("today", TODAY, "2026-03-31", "2026-03-31"),
        ("7d", TODAY, "2026-03-25", "2026-03-31"),
        ("30d", TODAY, "2026-03-02", "2026-03-31"),
        ("month", TODAY, "2026-03-01", "2026-03-31"),
        ("month", date(2026, 3, 1), "2026-03-01", "2026-03-01"),
        ("last-month", TODAY, "2026-02-01", "2026-02-28"),
        ("last-month", date(2028, 3, 31), "2028-02-01", "2028-02-29"),
        ("last-month", date(2026, 1, 15), "2025-12-01", "2025-12-31"),
    ],
)
def test_ranges(name: str, today: date, first: str, last: str) -> None:
    period = read_period(today=today, name=name)
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)
    assert period.name == (name or "30d")


def test_days_are_counted_with_both_ends_and_compared_with_as_many_before() -> None:
    period = read_period(today=TODAY, first="2026-03-29", last="2026-03-31")
    assert period == Period(date(2026, 3, 29), date(2026, 3, 31))
    assert len(period) == len(list(period)) == 3
    assert period.before == Period(date(2026, 3, 26), date(2026, 3, 28))
    assert read_period(today=TODAY, first="2026-03-29", name="7d") == period  # up to today; days win over a range


def test_as_many_days_as_may_be_and_not_one_more() -> None:
    first = TODAY - timedelta(days=MOST_DAYS - 1)
    assert len(read_period(today=TODAY, first=first.isoformat())) == MOST_DAYS
    with pytest.raises(WrongPeriod, match="That is 401 days; at most 400"):
        read_period(today=TODAY, first=(first - timedelta(days=1)).isoformat())


@pytest.mark.parametrize(
    ("asked", "field", "told"),
    [
        ({"name": "year"}, "range", "There is no range 'year'"),
        ({"first": "2026-03-31", "last": "2026-03-30"}, "from", "The first day is after the last one"),
        ({"first": "2026-04-01"}, "from", "The first day is after the last one"),
        ({"last": "2026-03-30"}, "from", "Name the first day"),
        ({"first": "2026-02-29"}, "from", "'2026-02-29' is no day"),
        ({"first": "20260301"}, "from", "no day"),
        ({"first": "2026-W10-1"}, "from", "no day"),
        ({"first": "２０２６-03-01"}, "from", "no day"),
        ({"first": "2026-03-01T00:00"}, "from", "no day"),
        ({"first": "2026-03-01", "last": "soon"}, "to", "'soon' is no day"),
        ({"first": "0001-01-01", "last": "0001-01-02"}, "from", "too far away"),
        ({"first": "2026-03-01", "last": "9999-12-31"}, "to", "too far away"),
        ({"first": "\x00"}, "from", "no day"),
    ],
)
def test_what_is_no_period_is_refused_beside_its_field(asked: dict[str, str], field: str, told: str) -> None:
    with pytest.raises(WrongPeriod, match=told) as refused:
        read_period(today=TODAY, **asked)
    assert refused.value.field == field
