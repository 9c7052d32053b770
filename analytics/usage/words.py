"""Figures of usage in words. Pure."""

from decimal import ROUND_HALF_UP, Decimal

from common.money import EXACT
from metering.periods import Period

NONE = "–"
MILLION = Decimal(1_000_000)
RANGE_LABELS = {"today": "Today", "7d": "7 d", "30d": "30 d", "month": "This month", "last-month": "Last month"}


def period_text(period: Period) -> str:
    """A period's days: "25 November 2026", "1 to 30 November 2026", "27 October to 25 November 2026"."""
    first, last = period.first, period.last
    whole = f"{last:%-d %B %Y}"
    if first == last:
        return whole
    if first.year != last.year:
        return f"{first:%-d %B %Y} to {whole}"
    return f"{first:%-d} to {whole}" if first.month == last.month else f"{first:%-d %B} to {whole}"


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """`part` of `whole` in per cent, unrounded; None of nothing."""
    return EXACT.divide(EXACT.multiply(Decimal(part), Decimal(100)), Decimal(whole)) if whole else None


def percent_text(part: Decimal | int, whole: Decimal | int) -> str:
    """A share for people: "61 %"; neither nothing nor all is said of what is only nearly so."""
    share = percent(part, whole)
    if share is None:
        return NONE
    if 0 < share < 1:
        return "< 1 %"
    if 99 < share < 100:
        return "> 99 %"
    return f"{_whole(share)} %"


def change(now: Decimal, before: Decimal) -> Decimal | None:
    """How much more (or less, below zero) than before, in per cent; None where there was nothing to compare with."""
    return percent(now - before, before) if before > 0 else None


def change_text(now: Decimal, before: Decimal) -> str:
    """A change for a column: "+22 %", "−4 %", "0 %"; "–" where there was nothing before."""
    by = change(now, before)
    if by is None:
        return NONE
    rounded = _whole(by)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):,} %"


def change_sentence(now: Decimal, before: Decimal, days: int) -> str:
    """A change below a figure: "22 % more than the 30 days before"."""
    span = "the day before" if days == 1 else f"the {days} days before"
    by = change(now, before)
    if by is None:
        return f"nothing in {span}" if now else f"nothing in {span} either"
    rounded = _whole(by)
    if rounded == 0:
        return f"as much as in {span}"
    return f"{abs(rounded):,} % {'more' if rounded > 0 else 'less'} than in {span}"


def per_million(charge: Decimal, tokens: int) -> Decimal | None:
    """What a million tokens cost on average, to six places; None where there were none."""
    if tokens <= 0:
        return None
    return EXACT.divide(EXACT.multiply(charge, MILLION), Decimal(tokens)).quantize(Decimal("0.000001"), context=EXACT)


def _whole(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), rounding=ROUND_HALF_UP, context=EXACT))
