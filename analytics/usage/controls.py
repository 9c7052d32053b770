"""The head of the usage pages: what is asked for, and the ways to ask for something else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analytics.usage.asked import Asked
from analytics.usage.names import Chooser
from analytics.usage.words import RANGE_LABELS
from metering.filters import Selection
from metering.sums import DIMENSIONS


class Way(NamedTuple):
    """A link; `current`: it leads to what is shown already."""

    label: str
    address: str
    current: bool = False


@dataclass(frozen=True)
class Controls:
    """`unknown`: sentences about names that filter for nothing there is; `reset` "" where no filter is set."""

    ranges: Sequence[Way]
    dimensions: Sequence[Way]
    chips: Sequence[Way]
    choosers: Sequence[Chooser]
    unknown: Sequence[str]
    reset: str


def controls(asked: Asked, selection: Selection, choosers: Sequence[Chooser], people: Mapping[str, str]) -> Controls:
    """The links around what was asked for."""
    named = asked.filters.named()
    return Controls(
        ranges=[Way(label, asked.but(range=name), name == asked.range) for name, label in RANGE_LABELS.items()],
        dimensions=[Way(name, asked.but(by=name), name == asked.by) for name in DIMENSIONS],
        chips=[
            Way(f"{kind}: {_short(people.get(name, name))}", asked.but(**{kind: ""})) for kind, name in named.items()
        ],
        choosers=choosers,
        unknown=[f"There is no {kind} {_short(named[kind])!r} here." for kind in selection.unknown],
        reset=asked.but(**dict.fromkeys(named, "")) if named else "",
    )


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:59]}…"
