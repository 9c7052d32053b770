"""What was asked of this process lately, for tests that look from outside. Neither prompts nor keys are kept."""

from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

_KEPT = 500


@dataclass
class Entry:
    """A request. `limit` is the bound on output tokens it set; `sent_tokens` what it was sent of its answer so far;
    `usage` what it is told if it hears the end; `ended`: open, complete, refused, cut, short, or cancelled by the
    caller."""

    at: str
    provider: str
    method: str
    path: str
    model: str = ""
    stream: bool = False
    limit: int | None = None
    fault: str = ""
    status: int = 200
    response_id: str = ""
    sent_tokens: int = 0
    usage: dict[str, Any] | None = None
    ended: str = "open"


class Journal:
    """The last requests, the newest last."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def open(self, provider: str, method: str, path: str) -> Entry:
        """Note a request as it arrives; the caller fills in the rest as it becomes known."""
        entry = Entry(datetime.now(UTC).isoformat(), provider, method, path)
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def read(self, last: int) -> list[dict[str, Any]]:
        """The `last` requests as plain values."""
        return [asdict(entry) for entry in list(self._entries)[-last:]]
