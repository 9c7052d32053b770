"""One child process: started so that it cannot outlive its parent, with its output in a log file."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from billing_portal.processes import leftovers
from billing_portal.processes.account import Account
from billing_portal.processes.folders import Folders

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Command:
    """How to run a child. `stop_signal` asks it to end within `stop_seconds`; `death_signal` is what the kernel
    sends it when its parent dies; `descriptors` are open files it inherits; `stale_files` are what a crash may have
    left of it, removed before each start; `speaks` lets its standard output through to ours instead of the log."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    descriptors: tuple[int, ...] = ()
    stale_files: tuple[Path, ...] = ()
    speaks: bool = False


def _tie_to_parent(parent: int, death_signal: int) -> Callable[[], None]:
    """What runs in the child before exec, after the change of user (which would undo the request)."""

    def tie() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal)
        # The parent may have died before the request: then no signal will ever come.
        if os.getppid() != parent:
            os._exit(1)

    return tie


class Child:
    """A command and, once started, its process. Each start appends to `<data>/log/<name>.log`."""

    def __init__(self, command: Command, folders: Folders) -> None:
        self.command = command
        self.log = folders.log / f"{command.name}.log"
        self._pid_file = folders.run / f"{command.name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int | None:
        """The process id while it lives, else None."""
        return self._process.pid if self._process and self.exit_code() is None else None

    def start(self) -> None:
        """Start the process in a session of its own: a Ctrl-C in the terminal reaches the supervisor alone."""
        command, account = self.command, self.command.account
        for path in command.stale_files:
            path.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._log_offset = log.tell()
            self._process = subprocess.Popen(
                list(command.argv),
                env=dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=None if command.speaks else log,
                stderr=log,
                start_new_session=True,
                pass_fds=command.descriptors,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=_tie_to_parent(os.getpid(), command.death_signal),
            )
        leftovers.record(self._pid_file, self._process.pid)

    def exit_code(self) -> int | None:
        """The exit code (negative: killed by that signal), or None while it runs or was never started.

        What a dead child leaves of its group is killed before the child is collected: until then its pid, which
        names the group, cannot be given to a stranger.
        """
        if not self._process:
            return None
        if self._process.returncode is None and _has_exited(self._process.pid):
            leftovers.kill_group(self._process.pid)
            self._process.wait()
            self._pid_file.unlink(missing_ok=True)
        return self._process.returncode

    def ask_to_stop(self) -> None:
        """Send the stop signal; does not wait."""
        if self.pid is not None:
            os.kill(self.pid, self.command.stop_signal)

    def kill(self) -> None:
        """End the process and its group at once, and collect it."""
        if self._process and self.pid is not None:
            leftovers.kill_group(self.pid)
            self._process.wait()
            self._pid_file.unlink(missing_ok=True)

    def shorten_log(self, limit: int) -> None:
        """Above `limit` bytes move the log's text aside. The child goes on writing at the end of the same file."""
        with contextlib.suppress(OSError):  # a full disk or a log that someone removed is no reason to end
            if self.log.stat().st_size > limit:
                shutil.copyfile(self.log, self.log.with_suffix(".log.old"))
                os.truncate(self.log, 0)

    def last_words(self, lines: int = 15) -> str:
        """The end of what it wrote since it was last started."""
        with self.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(min(self._log_offset, log.tell()), log.tell() - 20_000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def _has_exited(pid: int) -> bool:
    """Whether our child has ended; leaves it uncollected."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
