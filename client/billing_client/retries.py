"""When to send again, and after how long: pure, so that it can be read and tested without a network."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential waits with full jitter: between 0 and `first` × 2ⁿ seconds, at most `longest` seconds."""

    first: float = 0.1
    longest: float = 5.0

    def wait(self, retry: int, jitter: float, retry_after: float | None) -> float:
        """Seconds before retry number `retry` (0 is the first).

        `jitter` is a random number in [0, 1). `retry_after` is what the server asked for: never less than that, and the
        jitter comes on top, since otherwise all callers that were turned away would come back in the same instant.
        """
        # The exponent is bounded because a long deadline allows thousands of retries, and 2.0 ** 1024 raises.
        ceiling = min(self.longest, self.first * 2.0 ** min(retry, 16))
        return (retry_after or 0.0) + jitter * ceiling


def retry_after_seconds(value: str | None, date: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date. None when absent or unreadable.

    A date is compared with the answer's own `date` header where there is one, since the two clocks may differ.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value) if len(value) <= _LONGEST_NUMBER else float("inf")
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(date) or now)).total_seconds())


def _http_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware time."""
    if value is None:
        return None
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
