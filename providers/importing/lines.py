"""A difference in words and figures, the same for terminal, JSON and the admin's page."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from providers.importing.changes import Change, Kind
from providers.importing.charges import Charge
from providers.importing.difference import Difference
from providers.importing.slots import STANDARD, Slot

NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """One change as it is shown. `remarks`: what to look at; `alert`: whether it needs to be accepted; `named`: the
    model and, where its name is another, the list's model."""

    change: Change
    what: str
    model: str
    named: str
    leaf: str
    tier: str
    requests: str
    percent: str
    begins: str
    remarks: tuple[str, ...]
    alert: bool


def lines(found: Difference) -> list[Line]:
    """The changes in the order in which the book is read."""
    return [_line(change, found) for change in found.changes]


def groups(found: Difference) -> list[tuple[str, list[Line]]]:
    """The same for a page: first what has to be accepted, then model by model."""
    shown = lines(found)
    dearer = set(found.dearer)
    accept: dict[str, list[Line]] = {}
    by_model: dict[str, list[Line]] = {}
    for line in shown:
        if line.change in dearer:
            accept.setdefault(f"Rises of more than {found.ask.dearer_than:f} %, to be accepted", []).append(line)
        elif line.alert:
            accept.setdefault("Prices that replace one entered by hand, to be accepted", []).append(line)
        else:
            by_model.setdefault(line.named, []).append(line)
    return [*accept.items(), *by_model.items()]


def summary(found: Difference) -> str:
    """What applying would write, in a sentence."""
    agreeing = f"{found.same} prices in force agree with {found.edition}."
    if found.agrees:
        return f"Nothing to apply: {agreeing}"
    return " ".join([*([] if found.empty else [f"To apply: {counted(found)}."]), *_left(found), agreeing])


def applied(found: Difference) -> str:
    """What was written, in a sentence."""
    if found.agrees:
        return "Nothing was left to apply."
    return " ".join([*([] if found.empty else [f"Applied: {counted(found)}."]), *_left(found)])


def to_be_accepted(found: Difference) -> str:
    """What has to be accepted, as the end of a sentence; "" where there is nothing."""
    rises, replaced = len(found.dearer), len(found.by_hand)
    told = []
    if rises:
        rise = "charge rises" if rises == 1 else "charges rise"
        told.append(f"{rises} {rise} by more than {found.ask.dearer_than:f} %")
    if replaced:
        entered = "price entered by hand is" if replaced == 1 else "prices entered by hand are"
        told.append(f"{replaced} {entered} replaced")
    return " and ".join(told)


def counted(found: Difference) -> str:
    """What applying would write, in numbers: "2 aliases, 46 new rates"."""
    kinds = [change.kind for change in found.writes]
    counts = {
        ("new model", "new models"): len(found.additions),
        ("alias", "aliases"): len(found.aliases),
        ("new rate", "new rates"): kinds.count(Kind.NEW),
        ("changed price", "changed prices"): kinds.count(Kind.CHANGED),
        ("price ended", "prices ended"): kinds.count(Kind.GONE),
    }
    return ", ".join(f"{n} {one if n == 1 else many}" for (one, many), n in counts.items() if n)


def _left(found: Difference) -> list[str]:
    """That rates stay although the list has lost them."""
    n = len(found.left)
    it = "price is no longer listed; it stays" if n == 1 else "prices are no longer listed; they stay"
    return [f"{n} {it} in force until retired."] if n else []


def price(amount: Decimal | None) -> str:
    """A price per 1M in plain digits, at least two places."""
    if amount is None:
        return NOTHING
    whole, _, places = format(amount.normalize(), "f").partition(".")
    return f"{int(whole):,}.{places.ljust(2, '0')}"


def _line(change: Change, found: Difference) -> Line:
    model, alert = f"{change.provider}/{change.model}", change in found.to_accept
    return Line(
        change=change,
        what="ends" if change.kind is Kind.GONE and change.written else change.kind.value,
        model=model,
        named=model if change.listed == change.model else f"{model} (list: {change.listed})",
        leaf=change.slot.leaf.value,
        tier=change.slot.tier,
        requests=f"> {change.slot.above:,}" if change.slot.above else "all",
        percent=_signed(change),
        begins=f"{change.starts:%Y-%m-%d}" if change.starts else "at once",
        remarks=tuple(_remarks(change, found)),
        alert=alert,
    )


def _remarks(change: Change, found: Difference) -> list[str]:
    told = []
    if change.written and change.dearer(found.ask.dearer_than):
        told.append(f"dearer than {found.ask.dearer_than:f} %")
    if change.by_hand:
        told.append("entered by hand")
    if change.free:
        told.append("free")
    if change.kind is Kind.GONE:
        told.append("no longer listed" if change.written else "no longer listed; kept unless retired")
    if change.kind is Kind.KEPT:
        told.append("kept" if change.new is not None else "kept, not in the list")
    if change.kind is Kind.CHANGED and change.old == change.new:
        told.append(f"exactly {change.slot.above:,} tokens are in the class below")
    return [*told, *(_charged(change) if change.written else ())]


def _charged(change: Change) -> Iterator[str]:
    """What is charged in place of a rate that is missing before or after, and of what other usage that is true."""
    at, before, after = change.effect
    of = "" if at == change.slot else f"{_words(at)} "
    if change.sold and (before is None or before.slot != change.slot):
        yield f"{of}{_instead(before) if before else 'not charged'} so far"
    if after is None or after.slot != change.slot:
        yield f"then {of}{_instead(after) if after else 'not priced'}"


def _instead(charge: Charge) -> str:
    return f"charged as {_words(charge.slot)} (${price(charge.price)})"


def _signed(change: Change) -> str:
    if change.percent is None or not change.written:
        return ""
    return f"{change.percent:+.1f} %".replace("-", "−")


def _words(slot: Slot) -> str:
    tier = "" if slot.tier == STANDARD else f" {slot.tier}"
    above = f" > {slot.above:,}" if slot.above else ""
    return f"{slot.leaf.value.replace('_', ' ')}{tier}{above}"
