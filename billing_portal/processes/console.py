"""What the person at the terminal reads."""

import contextlib
import sys
import time
from collections.abc import Iterator


def say(text: str = "", end: str = "\n") -> None:
    """Print at once. A closed terminal or pipe must not end the supervisor, so failure to write is ignored."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(text + end)
        sys.stdout.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, then how many seconds it took."""
    begun = time.monotonic()
    say(f"{title} … ", end="")
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.monotonic() - begun:.1f} s")


def indented(text: str) -> str:
    """The text moved to the right, for quoting a log below a message."""
    return "\n".join(f"    {line}" for line in text.splitlines())
