"""What a chart of spend shows, said in a sentence. Pure."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from analytics.usage.words import percent, percent_text
from common.money import EXACT

MOST = Decimal(99)  # per cent of spend that are as good as all
ENOUGH_DAYS = 14  # of which some are weekends, before anything is said of them
SATURDAY = 5
WORTH_SAYING = Decimal(75)  # per cent of a weekday that a weekend's day costs, at most
NEARLY = Decimal(4)
_FRACTIONS = {25: "a quarter", 33: "a third", 50: "half", 67: "two thirds"}
_PEAK = 2  # times an average day


def conclusion(by_model: Mapping[str, Decimal], by_day: Mapping[date, Decimal], money: Callable[[Decimal], str]) -> str:
    """The one or two things worth saying: which model the money goes to, and when. `by_day` has every day up to now,
    `money` writes an amount."""
    spent = sum(by_day.values(), Decimal(0))
    if not by_model:
        return "No usage in this period"
    if spent <= 0:
        return "Nothing was charged in this period"
    begins = min(day for day, charged in by_day.items() if charged)  # before that nobody could have spent anything
    since = {day: charged for day, charged in by_day.items() if day >= begins}
    parts = [_model(by_model, spent), _weekends(since) or _peak(since, spent, money)]
    return "; ".join(part for part in parts if part)


def _model(by_model: Mapping[str, Decimal], spent: Decimal) -> str:
    name, charge = max(by_model.items(), key=lambda found: found[1])
    share = percent(charge, spent)
    assert share is not None
    short = name.rpartition("/")[2]
    return f"{short} is all of spend" if share >= MOST else f"{short} is {percent_text(charge, spent)} of spend"


def _weekends(by_day: Mapping[date, Decimal]) -> str:
    if len(by_day) < ENOUGH_DAYS:
        return ""
    free = [spent for day, spent in by_day.items() if day.weekday() >= SATURDAY]
    busy = [spent for day, spent in by_day.items() if day.weekday() < SATURDAY]
    share = percent(_mean(free), _mean(busy))
    if share is None or share > WORTH_SAYING:
        return ""
    near = next((words for size, words in _FRACTIONS.items() if abs(share - size) <= NEARLY), "")
    return f"weekends cost {near or percent_text(_mean(free), _mean(busy))} of a weekday"


def _peak(by_day: Mapping[date, Decimal], spent: Decimal, money: Callable[[Decimal], str]) -> str:
    day, most = max(by_day.items(), key=lambda found: found[1])
    if len(by_day) < 2 or most < _PEAK * _mean(list(by_day.values())):
        return ""
    return f"{day:%-d %B} alone cost {money(most)}"


def _mean(amounts: list[Decimal]) -> Decimal:
    return EXACT.divide(sum(amounts, Decimal(0)), Decimal(len(amounts) or 1))
