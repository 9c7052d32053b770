"""How much text an answer holds: what output is estimated from when its usage is missing."""

from typing import Any

from metering.normalising.reading import Json


def length(of: Json, *names: str) -> int:
    """The characters of the texts at `names`."""
    return sum(len(found) for name in names if isinstance(found := of.get(name), str))


def length_within(value: Any) -> int:
    """The characters of all texts in `value`, at any depth, names included: arguments of a tool call."""
    total, waiting = 0, [value]
    while waiting:  # not recursive: the depth is the sender's choice
        here = waiting.pop()
        if isinstance(here, str):
            total += len(here)
        elif isinstance(here, dict):
            waiting += [*here.keys(), *here.values()]
        elif isinstance(here, list):
            waiting += here
    return total
