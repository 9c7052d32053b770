"""What the address of a usage page asks for, and the addresses of its neighbours. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from metering.filters import KINDS, Filters
from metering.periods import DEFAULT, Period, WrongPeriod, read_period
from metering.sums import DIMENSIONS

DIMENSION = "model"
_DEFAULTS = {"range": DEFAULT, "by": DIMENSION}
_ORDER = ("range", "from", "to", "by", *KINDS, "older", "newer")


@dataclass(frozen=True)
class Asked:
    """`given` is the address in its shortest form; `period` is None where `errors` (by field) say what to mend."""

    given: Mapping[str, str]
    period: Period | None
    filters: Filters
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def by(self) -> str:
        """A key of `metering.sums.DIMENSIONS`."""
        return self.given.get("by", DIMENSION)

    @property
    def range(self) -> str:
        """The range's name, "" where days were named."""
        return "" if {"from", "to"} & set(self.given) else self.given.get("range", DEFAULT)

    @property
    def address(self) -> str:
        """The query string that asks for the same; "?" for a page of defaults."""
        return "?" + urlencode(self.given)

    @property
    def whole(self) -> str:
        """The query string that asks for the same, from its first request on."""
        return self.but()

    def but(self, **changes: str) -> str:
        """The query string that asks for the same but for some parts; "" leaves a part out.

        `day` asks for one day. A place among the requests belongs to what was asked before and is left out.
        """
        parts = {**self.given, "older": "", "newer": "", **changes}
        if day := parts.pop("day", ""):
            parts |= {"range": "", "from": day, "to": day}
        elif "range" in changes:
            parts |= {"from": "", "to": ""}
        return "?" + urlencode(_shortest(parts))


def read(given: Mapping[str, str], today: date) -> Asked:
    """Read a query string; `today` is the local day in the organisation's billing zone."""
    # A caller's label may begin or end with a space.
    parts = _shortest(
        {name: given.get(name, "") if name == "member" else given.get(name, "").strip() for name in _ORDER}
    )
    filters = Filters(**{kind: parts[kind] for kind in KINDS if kind in parts})
    errors = {}
    period: Period | None = None
    try:
        period = read_period(
            today=today, name=parts.get("range", ""), first=parts.get("from", ""), last=parts.get("to", "")
        )
    except WrongPeriod as error:
        errors[error.field] = str(error)
    if parts.get("by", DIMENSION) not in DIMENSIONS:
        errors["by"] = f"Usage can't be summed by {parts['by'][:20]!r}, but by {', '.join(DIMENSIONS)}."
    return Asked(parts, None if errors else period, filters, errors)


def _shortest(parts: Mapping[str, str]) -> dict[str, str]:
    """Without what is empty or the default; days that are named stand for any range."""
    dates = parts.get("from") or parts.get("to")
    named = {name: parts[name] for name in _ORDER if parts.get(name) and parts[name] != _DEFAULTS.get(name)}
    return {name: value for name, value in named.items() if not (dates and name == "range")}
