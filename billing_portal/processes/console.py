"""What the person at the terminal reads."""

import contextlib
import sys
import time
from collections.abc import Iterator


class _Cursor:
    """Whether the last line was left open, by a step that is still going on."""

    inside_line = False


def say(text: str = "", end: str = "\n") -> None:
    """Print at once. A closed terminal or pipe must not end the supervisor, so failure to write is ignored."""
    start = "\n" if _Cursor.inside_line else ""
    _write(start + text + end)
    _Cursor.inside_line = not end.endswith("\n")


def _write(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, then how many seconds it took."""
    begun = time.monotonic()
    say(f"{title} … ", end="")
    try:
        yield
    except BaseException:
        _finish(title, "failed")
        raise
    _finish(title, f"{time.monotonic() - begun:.1f} s")


def _finish(title: str, outcome: str) -> None:
    """Complete the step's line, or repeat its title when other messages came in between."""
    _write(f"{outcome}\n" if _Cursor.inside_line else f"{title} … {outcome}\n")
    _Cursor.inside_line = False


def indented(text: str) -> str:
    """The text moved to the right, for quoting a log below a message."""
    return "\n".join(f"    {line}" for line in text.splitlines())
