"""A balance over time as lines to draw. Pure: figures in, coordinates out, in whole and tenth parts of a unit."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from wallets.history import Point

TENTH = Decimal("0.1")
LETTER = Decimal(7)  # width of a figure beside the axis
BESIDE = Decimal(12)  # between such a figure and the drawing
MOST_MARKS = 3  # credits that are written beside the line; more would hide it
TOP, BOTTOM = Decimal(28), Decimal(26)


class Tick(NamedTuple):
    """A line across at `y` with the amount it stands for, in words."""

    y: Decimal
    label: str


class Moment(NamedTuple):
    """A time below the axis; `anchor` keeps the outer ones inside."""

    x: Decimal
    text: str
    anchor: str


class Mark(NamedTuple):
    """Credits that came in: where, and how much."""

    x: Decimal
    y: Decimal
    amount: Decimal
    anchor: str


class Drawing(NamedTuple):
    """`line` is the path of the balance, `area` the same closed down to zero."""

    width: int
    height: int
    gap: Decimal
    base: Decimal
    line: str
    area: str
    ticks: list[Tick]
    moments: list[Moment]
    marks: list[Mark]


def draw(
    points: Sequence[Point],
    credits: Sequence[tuple[datetime, Decimal, Decimal]],
    *,
    money: Callable[[Decimal], str],
    zone: str,
    width: int,
    height: int,
    every: int = 1,
    labels: int = 5,
) -> Drawing:
    """The balance at `points` (in time), with `credits` (when, how much, the balance after; newest first) as steps.

    `money` writes an amount beside the axis.
    `every`: use each n-th point only, for a small drawing. `labels`: how many times stand below the axis.
    """
    start, end = points[0].at, points[-1].at
    steps = [Point(at, after - amount) for at, amount, after in credits] + [
        Point(at, after) for at, _, after in credits
    ]
    # Sorted by time and stable: before a step comes its lower end.
    shown = sorted([*points[:-1:every], points[-1], *steps], key=lambda point: point.at)
    known = [(point.at, point.balance) for point in shown if point.balance is not None]
    top, step = scale(max((balance for _, balance in known), default=Decimal(0)))
    base = Decimal(height) - BOTTOM
    labels_at = [(step * n, money(step * n)) for n in range(int(top / step) + 1)]
    gap = LETTER * max(len(label) for _, label in labels_at) + BESIDE

    def x(at: datetime) -> Decimal:
        part = Decimal((at - start) // timedelta(milliseconds=1)) / max((end - start) // timedelta(milliseconds=1), 1)
        return (gap + (width - gap) * part).quantize(TENTH)

    def y(amount: Decimal) -> Decimal:
        return (base - (base - TOP) * amount / top).quantize(TENTH)

    corners = [f"{x(at)} {y(balance)}" for at, balance in known]
    line = "M" + " L".join(corners) if corners else ""
    area = f"{line} L{x(known[-1][0])} {base} L{x(known[0][0])} {base}Z" if corners else ""
    ticks = [Tick(y(amount), label) for amount, label in labels_at]
    marks = [Mark(x(at), y(after), amount, _anchor(x(at), width)) for at, amount, after in credits[:MOST_MARKS]]
    return Drawing(width, height, gap, base, line, area, ticks, _moments(start, end, labels, zone, x), marks)


def scale(highest: Decimal) -> tuple[Decimal, Decimal]:
    """The top of an axis from zero that holds `highest`, and the step between its lines: 1, 2 or 5 times ten to n."""
    if highest <= 0:
        return Decimal(1), Decimal(1)
    rough = highest / 4
    size = Decimal(1).scaleb(rough.adjusted())
    step = next(size * n for n in (1, 2, 5, 10) if size * n >= rough)
    return step * (highest / step).to_integral_value(rounding=ROUND_CEILING), step


def _moments(start: datetime, end: datetime, count: int, zone: str, x: Callable[[datetime], Decimal]) -> list[Moment]:
    length = (end - start) / (count - 1)
    form = "%H:%M" if end - start >= timedelta(minutes=count) else "%H:%M:%S"
    anchors = ["start", *["middle"] * (count - 2), "end"]
    moments = [start + length * n for n in range(count)]
    return [
        Moment(x(at), at.astimezone(ZoneInfo(zone)).strftime(form), anchor)
        for at, anchor in zip(moments, anchors, strict=True)
    ]


def _anchor(x: Decimal, width: int) -> str:
    return "end" if x > width * Decimal("0.8") else "start"
