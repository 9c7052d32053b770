"""From counted usage to the usage that is told: scripted leaves merged in, or made absent or absurd by a fault."""

from collections.abc import Callable, Mapping
from typing import Any

from local.providers.faults import Fault

Usage = dict[str, Any]


def told(
    counted: Usage,
    scripted: Mapping[str, Any],
    *,
    replace: bool,
    fault: Fault | None,
    totals: Callable[[Usage], Usage],
    contradict: Callable[[Usage], Usage],
) -> Usage | None:
    """The usage object of an answer, or None when it has none.

    `totals` computes the sums of a usage object; a scripted sum stays as it is. `contradict` makes it disagree with
    itself.
    """
    if fault and fault.name == "no_usage":
        return None
    usage = dict(scripted) if replace else _with_totals(merged(counted, scripted), scripted, totals)
    return merged(usage, contradict(usage)) if fault and fault.name == "contradiction" else usage


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Usage:
    """`base` with the values of `over`, objects within objects merged likewise."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _with_totals(usage: Usage, scripted: Mapping[str, Any], totals: Callable[[Usage], Usage]) -> Usage:
    return usage | {key: value for key, value in totals(usage).items() if key not in scripted}
