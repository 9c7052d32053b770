"""A difference in words and figures, the same for terminal, JSON and the admin's page."""

from dataclasses import dataclass
from decimal import Decimal

from providers.importing.changes import Change, Kind
from providers.importing.difference import Difference
from providers.importing.slots import STANDARD, Slot

NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """One change as it is shown. `remarks`: what to look at; `alert`: whether it needs to be accepted."""

    change: Change
    what: str
    model: str
    leaf: str
    tier: str
    requests: str
    percent: str
    begins: str
    remarks: tuple[str, ...]
    alert: bool


def lines(found: Difference) -> list[Line]:
    """The changes in the order in which the book is read."""
    dearer = set(found.dearer)
    return [_line(change, found, change in dearer) for change in found.changes]


def groups(found: Difference) -> list[tuple[str, list[Line]]]:
    """The same for a page: first what has to be accepted, then model by model."""
    shown = lines(found)
    rises = [line for line in shown if line.alert]
    by_model: dict[str, list[Line]] = {}
    for line in shown:
        if not line.alert:
            by_model.setdefault(line.model, []).append(line)
    first = [(f"Rises of more than {found.ask.dearer_than:f} %, to be accepted", rises)] if rises else []
    return [*first, *by_model.items()]


def summary(found: Difference) -> str:
    """What applying would write, in a sentence."""
    agreeing = f"{found.same} prices in force agree with {found.edition}."
    return f"Nothing to apply: {agreeing}" if found.empty else f"To apply: {_counted(found)}. {agreeing}"


def applied(found: Difference) -> str:
    """What was written, in a sentence."""
    return "Nothing was left to apply." if found.empty else f"Applied: {_counted(found)}."


def _counted(found: Difference) -> str:
    kinds = [change.kind for change in found.writes]
    counts = {
        ("new model", "new models"): len(found.additions),
        ("alias", "aliases"): len(found.aliases),
        ("new rate", "new rates"): kinds.count(Kind.NEW),
        ("changed price", "changed prices"): kinds.count(Kind.CHANGED),
        ("price ended", "prices ended"): kinds.count(Kind.GONE),
    }
    return ", ".join(f"{n} {one if n == 1 else many}" for (one, many), n in counts.items() if n)


def price(amount: Decimal | None) -> str:
    """A price per 1M in plain digits, at least two places."""
    if amount is None:
        return NOTHING
    whole, _, places = format(amount.normalize(), "f").partition(".")
    return f"{int(whole):,}.{places.ljust(2, '0')}"


def _line(change: Change, found: Difference, alert: bool) -> Line:
    return Line(
        change=change,
        what="ends" if change.kind is Kind.GONE and found.ask.retire else change.kind.value,
        model=f"{change.provider}/{change.model}",
        leaf=change.slot.leaf.value,
        tier=change.slot.tier,
        requests=f"> {change.slot.above:,}" if change.slot.above else "all",
        percent=_signed(change),
        begins=f"{change.starts:%Y-%m-%d}" if change.starts else "at once",
        remarks=tuple(_remarks(change, found, alert)),
        alert=alert,
    )


def _remarks(change: Change, found: Difference, alert: bool) -> list[str]:
    told = []
    if alert:
        told.append(f"dearer than {found.ask.dearer_than:f} %")
    if change.free:
        told.append("free")
    if change.kind is Kind.NEW and change.via:
        told.append(f"charged as {_words(change.via)} so far (${price(change.via_price)})")
    if change.kind is Kind.GONE:
        after = f"charged as {_words(change.via)} (${price(change.via_price)})" if change.via else "refused"
        told.append(f"then {after}" if found.ask.retire else "no longer listed; kept unless retired")
    if change.kind is Kind.KEPT:
        told.append("entered by hand, not in the list; kept")
    if change.kind is Kind.CHANGED and change.old == change.new:
        told.append(f"exactly {change.slot.above:,} tokens are in the class below")
    return told


def _signed(change: Change) -> str:
    if change.percent is None or change.kind is Kind.KEPT:
        return ""
    return f"{change.percent:+.1f} %".replace("-", "−")


def _words(slot: Slot) -> str:
    tier = "" if slot.tier == STANDARD else f" {slot.tier}"
    above = f" > {slot.above:,}" if slot.above else ""
    return f"{slot.leaf.value.replace('_', ' ')}{tier}{above}"
