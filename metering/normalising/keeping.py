"""What of a usage object is kept for the receipt: figures and short names."""

import re
from typing import Any

DEEPEST = 4
MOST_ENTRIES = 40
LARGEST = 2**63
# Only these fields of usage objects hold words: anything else could be a prompt's.
WORDS = frozenset({"type", "model", "service_tier", "serviceTier", "speed", "inference_geo", "modality"})
WORDS |= {"traffic_type", "trafficType"}
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+-]{1,100}")


def compact(value: Any, depth: int = DEEPEST) -> Any:
    """`value` without anything that could be text of a prompt or an answer, and of limited size."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < LARGEST else None  # infinity is not, and of NaN nothing is true
    if depth and isinstance(value, dict):
        named = [(name, below) for name, below in value.items() if _PLAIN.fullmatch(name)]
        return {name: _kept(name, below, depth - 1) for name, below in named[:MOST_ENTRIES]}
    if depth and isinstance(value, list):
        return [compact(below, depth - 1) for below in value[:MOST_ENTRIES]]
    return None


def plain(value: str) -> str | None:
    """`value` where it can be an identifier, else None."""
    return value if _PLAIN.fullmatch(value) else None


def _kept(name: str, value: Any, depth: int) -> Any:
    return plain(value) if name in WORDS and isinstance(value, str) else compact(value, depth)
