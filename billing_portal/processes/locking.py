"""One system per data folder."""

import fcntl
import json
import os
from pathlib import Path

from billing_portal.processes.errors import AlreadyRunningError


class DataLock:
    """An exclusive lock that ends with its process, however that ends. Children do not inherit it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises AlreadyRunningError naming the holder."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunningError(self._holder()) from None
        self._descriptor = descriptor
        self.describe("(still starting)")

    def describe(self, url: str) -> None:
        """Note where the system answers, for whoever finds the lock taken."""
        self._file.write_text(json.dumps({"pid": os.getpid(), "url": url}))

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _holder(self) -> str:
        try:
            holder = json.loads(self._file.read_text())
            return f"already running at {holder['url']} (pid {holder['pid']}), on the data in {self._file.parent}"
        except (ValueError, KeyError):
            return f"already running on the data in {self._file.parent}"
