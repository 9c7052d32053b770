"""Figures of usage in words, bars and addresses: pure rules."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics.usage.asked import read
from analytics.usage.chart import chart, nice
from analytics.usage.conclusion import conclusion
from analytics.usage.words import change_sentence, change_text, per_million, percent_text, period_text
from metering.periods import Period

D = Decimal
TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-11-25", "2026-11-25", "25 November 2026"),
        ("2026-11-01", "2026-11-30", "1 to 30 November 2026"),
        ("2026-10-27", "2026-11-25", "27 October to 25 November 2026"),
        ("2025-12-31", "2026-01-01", "31 December 2025 to 1 January 2026"),
    ],
)
def test_periods_in_words(first: str, last: str, text: str) -> None:
    assert period_text(Period(date.fromisoformat(first), date.fromisoformat(last))) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [("61", "100", "61 %"), ("0", "5", "0 %"), ("1", "3000", "< 1 %"), ("2999", "3000", "> 99 %"), ("5", "5", "100 %"),
     ("1", "0", "–"), ("0.005", "1", "< 1 %"), ("0.125", "1", "13 %")],
)  # fmt: skip
def test_shares(part: str, whole: str, text: str) -> None:
    assert percent_text(D(part), D(whole)) == text


@pytest.mark.parametrize(
    ("now", "before", "text", "sentence"),
    [
        ("122", "100", "+22 %", "22 % more than in the 30 days before"),
        ("96", "100", "−4 %", "4 % less than in the 30 days before"),
        ("100.2", "100", "0 %", "as much as in the 30 days before"),
        ("5", "0", "–", "nothing in the 30 days before"),
        ("0", "0", "–", "nothing in the 30 days before either"),
        ("0", "5", "−100 %", "100 % less than in the 30 days before"),
        ("5000", "1", "+499,900 %", "499,900 % more than in the 30 days before"),
        ("5", "-1", "–", "nothing in the 30 days before"),
    ],
)
def test_changes(now: str, before: str, text: str, sentence: str) -> None:
    assert change_text(D(now), D(before)) == text
    assert change_sentence(D(now), D(before), 30) == sentence


def test_the_price_of_a_million() -> None:
    assert per_million(D("0.186"), 12_400) == D("15")
    assert per_million(D(1), 0) is None
    assert per_million(D(1), 3) == D("333333.333333")


@pytest.mark.parametrize(
    ("amount", "top"),
    [
        ("0", "1"),
        ("0.03", "0.04"),
        ("1", "2"),
        ("2", "2"),
        ("2.01", "4"),
        ("86.41", "100"),
        ("10", "20"),
        ("7e9", "8e9"),
    ],
)
def test_axes_end_at_round_amounts(amount: str, top: str) -> None:
    assert nice(D(amount)) == D(top)


def test_bars_are_to_scale_and_never_below_the_axis() -> None:
    period = Period(date(2026, 3, 28), date(2026, 3, 31))
    spend = {("2026-03-28", "p/a"): D(3), ("2026-03-28", "p/b"): D(1), ("2026-03-30", "p/a"): D("-2")}
    drawn = chart(period, spend)
    assert drawn.series == [(1, "a"), (2, "b")]
    first, *_ = drawn.bars
    assert [(p.series, p.y, p.height) for p in first.pieces] == [(1, D(25), D(75)), (2, D(0), D(25))]
    assert [bar.total for bar in drawn.bars] == [4, 0, -2, 0]
    assert [len(bar.pieces) for bar in drawn.bars] == [2, 0, 0, 0]
    assert [bar.slot for bar in drawn.bars] == [0, 25, 50, 75]
    assert [(line.y, line.amount) for line in drawn.lines] == [(100, 0), (50, 2), (0, 4)]


def test_models_of_the_same_name_keep_their_providers() -> None:
    spend = {("2026-03-28", "p/a"): D(3), ("2026-03-28", "q/a"): D(1)}
    assert chart(Period(date(2026, 3, 28), date(2026, 3, 28)), spend).series == [(1, "p/a"), (2, "q/a")]


@pytest.mark.parametrize("days", [1, 6, 7, 30, 31, 400])
def test_some_days_are_named_and_none_is_cut_off(days: int) -> None:
    period = Period(TODAY - timedelta(days=days - 1), TODAY)
    labels = chart(period, {}).labels
    assert 1 <= len(labels) <= 6
    assert labels[0].day == period.first
    assert labels[-1].x < 87


def spend_of(days: int, weekday: str, weekend: str) -> dict[date, Decimal]:
    every = [TODAY - timedelta(days=n) for n in range(days)]
    return {day: D(weekend if day.weekday() >= 5 else weekday) for day in every}


@pytest.mark.parametrize(
    ("by_model", "by_day", "said"),
    [
        ({}, {TODAY: D(0)}, "No usage in this period"),
        ({"p/a": D(0)}, {TODAY: D(0)}, "Nothing was charged in this period"),
        ({"p/a": D(61), "p/b": D(39)}, {TODAY: D(100)}, "a is 61 % of spend"),
        ({"p/a": D(100)}, {TODAY: D(100)}, "a is all of spend"),
        ({"p/a": D(34)}, spend_of(28, "3", "1"), "a is 50 % of spend; weekends cost a third of a weekday"),
        ({"p/a": D(124)}, spend_of(28, "10", "6"), "a is 50 % of spend; weekends cost 60 % of a weekday"),
        ({"p/a": D(28)}, spend_of(28, "1", "1"), "a is all of spend"),
        ({"p/a": D(20)}, spend_of(7, "1", "1") | {TODAY: D(14)}, "a is all of spend; 25 November alone cost $14"),
    ],
)
def test_the_title_says_what_the_chart_shows(
    by_model: dict[str, Decimal], by_day: dict[date, Decimal], said: str
) -> None:
    assert conclusion(by_model, by_day, lambda amount: f"${amount:f}") == said


def test_addresses_are_short_and_lead_where_they_say() -> None:
    asked = read({"range": "30d", "by": "model", "agent": " sophi ", "member": "", "junk": "1"}, TODAY)
    assert asked.address == "?agent=sophi"
    assert asked.but(by="agent") == "?by=agent&agent=sophi"
    assert asked.but(range="7d") == "?range=7d&agent=sophi"
    assert asked.but(day="2026-11-02") == "?from=2026-11-02&to=2026-11-02&agent=sophi"
    assert asked.but(agent="") == "?"
    dated = read({"range": "7d", "from": "2026-11-01", "to": "2026-11-02", "older": "x"}, TODAY)
    assert (dated.range, dated.address) == ("", "?from=2026-11-01&to=2026-11-02&older=x")
    assert dated.but(range="7d") == "?range=7d"
    assert dated.whole == "?from=2026-11-01&to=2026-11-02"


@pytest.mark.parametrize(
    ("given", "field"),
    [({"range": "year"}, "range"), ({"from": "2026-11-31"}, "from"), ({"to": "2026-11-30"}, "from"),
     ({"by": "cost"}, "by"), ({"from": "2026-11-01", "to": "x"}, "to")],
)  # fmt: skip
def test_what_can_not_be_asked_is_never_replaced(given: dict[str, str], field: str) -> None:
    asked = read(given, TODAY)
    assert asked.period is None
    assert list(asked.errors) == [field]
