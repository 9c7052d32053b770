"""Spend by day as bars stacked by model. Pure: sums in, positions out, in per cent of the drawing's size.

Per cent, so that a drawing without a view box fits any width while its text keeps its size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from common.money import EXACT
from metering.periods import Period

SERIES = 6  # colours that can be told apart; what is left is one more, "other"
OTHER = "other"
LABELS = 6  # below the bars, at most
AIRY = 70  # with more bars there is no room between them

Spend = Mapping[tuple[str, str], Decimal]  # by (ISO day, model)
Series = Sequence[tuple[int, str]]  # (number, model's name)


@dataclass(frozen=True)
class Piece:
    """A part of a bar; `series` counts from 1, 0 is what is left."""

    series: int
    y: Decimal
    height: Decimal


@dataclass(frozen=True)
class Bar:
    """One local day, whatever its length. `amounts` are those of each series, in the legend's order."""

    day: date
    x: Decimal
    width: Decimal
    slot: Decimal
    slot_width: Decimal
    pieces: Sequence[Piece]
    amounts: Sequence[Decimal]
    total: Decimal


@dataclass(frozen=True)
class Line:
    """A line across the bars at an amount."""

    y: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Label:
    """A day named below its bar."""

    x: Decimal
    day: date


@dataclass(frozen=True)
class Chart:
    series: Series
    bars: Sequence[Bar]
    lines: Sequence[Line]
    labels: Sequence[Label]

    @property
    def dense(self) -> bool:
        """Whether there is no room between the bars."""
        return len(self.bars) > AIRY


def chart(period: Period, spend: Spend) -> Chart:
    """The bars of every day of the period, days without usage included."""
    ranked = _ranked(spend)
    shown = ranked[:SERIES]
    others = set(ranked[SERIES:])
    rows = [(day, _amounts(day, shown, others, spend)) for day in period]
    top = nice(max((_height(amounts) for _, amounts in rows), default=Decimal(0)))
    series = [*enumerate(_names(shown), 1), *([(0, OTHER)] if others else [])]
    return Chart(
        series=series,
        bars=[_bar(place, day, amounts, series, len(period), top) for place, (day, amounts) in enumerate(rows)],
        lines=[Line(Decimal(100 - share), top * share / 100) for share in (0, 50, 100)],
        labels=_labels(period),
    )


def nice(amount: Decimal) -> Decimal:
    """The next round amount whose half is round, too: 2, 4, 6, 8 or 10 times a power of ten; 1 for nothing."""
    if amount <= 0:
        return Decimal(1)
    unit = Decimal(1).scaleb(amount.adjusted())
    return next(unit * times for times in (2, 4, 6, 8, 10) if unit * times >= amount)


def _ranked(spend: Spend) -> list[str]:
    """The models, dearest first."""
    by_model: dict[str, Decimal] = {}
    for (_, model), amount in spend.items():
        by_model[model] = by_model.get(model, Decimal(0)) + amount
    return sorted(by_model, key=lambda model: (-by_model[model], model))


def _names(models: Sequence[str]) -> list[str]:
    """The models without their providers, where that leaves no two alike."""
    bare = [model.partition("/")[2] for model in models]
    return bare if len(set(bare)) == len(bare) else list(models)


def _amounts(day: date, shown: Sequence[str], others: set[str], spend: Spend) -> list[Decimal]:
    own = [spend.get((day.isoformat(), model), Decimal(0)) for model in shown]
    rest = [sum((spend.get((day.isoformat(), model), Decimal(0)) for model in others), Decimal(0))] if others else []
    return own + rest


def _height(amounts: Sequence[Decimal]) -> Decimal:
    """What is drawn of a day. A correction can leave less than nothing; the table says so, a bar can't."""
    return sum((max(amount, Decimal(0)) for amount in amounts), Decimal(0))


def _bar(place: int, day: date, amounts: Sequence[Decimal], series: Series, days: int, top: Decimal) -> Bar:
    slot = _percent(100, days)
    gap = slot * 16 / 100 if days <= AIRY else Decimal(0)
    x = _percent(100 * place, days)
    return Bar(
        day=day, x=x + gap / 2, width=slot - gap, slot=x, slot_width=slot,
        pieces=_pieces(amounts, series, top), amounts=amounts, total=sum(amounts, Decimal(0)),
    )  # fmt: skip


def _pieces(amounts: Sequence[Decimal], series: Series, top: Decimal) -> list[Piece]:
    pieces, below = [], Decimal(0)
    for (number, _), amount in zip(series, amounts, strict=True):
        if amount > 0:
            height = _percent(100 * amount, top)
            below += height
            pieces.append(Piece(number, 100 - below, height))
    return pieces


def _labels(period: Period) -> list[Label]:
    days = len(period)
    step = -(-days // LABELS)
    places = islice(enumerate(period), 0, None, step)
    # One at the right edge would be cut off.
    return [Label(_percent(100 * place, days), day) for place, day in places if (days - place) * (LABELS + 1) >= days]


def _percent(part: Decimal | int, whole: Decimal | int) -> Decimal:
    return EXACT.divide(Decimal(part), Decimal(whole)).quantize(Decimal("0.0001"), context=EXACT)
