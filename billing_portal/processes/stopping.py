"""Asking the supervisor to stop: signals become a flag that every wait looks at."""

import contextlib
import os
import select
import signal
from types import FrameType

from billing_portal.processes.errors import StoppedError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Counts how often the person asked to stop. One Ctrl-C stops in order, a second one at once.

    The handlers only count: raising from them could interrupt the code between starting a child and noting it.
    """

    def __init__(self) -> None:
        self.count = 0
        self._wake, write_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            # `nohup` asks us to outlive the terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._note)
        # Without a handler the death of a child would not wake the wait below.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or at once when a signal arrives (a child's death included)."""
        select.select([self._wake], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def pause(self, seconds: float) -> None:
        """Like `wait`, for the steps of starting. Raises StoppedError once a stop was asked for."""
        if not self.count:
            self.wait(seconds)
        if self.count:
            raise StoppedError
