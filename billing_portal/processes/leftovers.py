"""Processes that a killed run left behind. They are ended before the next run touches the same data."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from billing_portal.processes import proc
from billing_portal.processes.errors import StartError

# After its parent's death PostgreSQL shuts down by itself, with a checkpoint; killing it earlier only costs recovery.
GRACE_SECONDS = 10.0


def record(pid_file: Path, pid: int) -> None:
    """Note a started process: pid, start time and boot, so that a later run cannot mistake another one for it."""
    process = proc.look_up(pid)
    if process:
        # Whole or not at all: one that a crash left empty would hide a process that still runs.
        fresh = pid_file.with_suffix(".new")
        fresh.write_text(f"{pid} {process.started} {proc.boot_id()}\n")
        fresh.replace(pid_file)


def kill_group(leader: int) -> None:
    """Kill a process group at once. Groups that are already gone are fine."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def kill(process: proc.Process) -> None:
    """Kill one process at once. One that is already gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, signal.SIGKILL)


def clear(run_folder: Path, postgres_data: Path, pause: Callable[[float], None]) -> int:
    """End what an earlier run left and return how many processes there were.

    The caller holds the lock of the data folder, so whatever is found here belongs to no living supervisor.
    Raises StartError when something cannot be ended.
    """
    pid_files = sorted(run_folder.glob("*.pid"))
    found = _find(pid_files, postgres_data)
    if found:
        _wait_until_gone(found, GRACE_SECONDS, pause)
        for process in _alive(found):
            kill(process)
        _wait_until_gone(found, 5.0, pause)
    still = _alive(_find(pid_files, postgres_data))
    if still:
        raise StartError(f"Processes of an earlier run cannot be ended: {[process.pid for process in still]}.")
    for pid_file in pid_files:
        pid_file.unlink(missing_ok=True)
    return len(found)


def _find(pid_files: Iterable[Path], postgres_data: Path) -> list[proc.Process]:
    everyone = proc.everyone()
    recorded = [process for file in pid_files for process in _group_of(file, everyone)]
    # PostgreSQL's sessions leave the group of their parent; their working directory tells whose they are.
    sessions = [process for process in everyone if proc.runs_in(process.pid, postgres_data, "postgres")]
    return list({process.pid: process for process in (*recorded, *sessions)}.values())


def _group_of(pid_file: Path, everyone: Iterable[proc.Process]) -> list[proc.Process]:
    """The living members of the group whose leader the file names."""
    try:
        pid, started, boot = pid_file.read_text().split()
    except ValueError:
        return []  # a crash while writing: nothing to go by
    leader = proc.look_up(int(pid))
    # The number may have been given to another process since: never touch one with another start time.
    if boot != proc.boot_id() or (leader and leader.started != int(started)):
        return []
    return [process for process in everyone if process.group == int(pid) and process.started >= int(started)]


def _alive(processes: Iterable[proc.Process]) -> list[proc.Process]:
    found = ((process, proc.look_up(process.pid)) for process in processes)
    return [process for process, now in found if now and now.started == process.started]


def _wait_until_gone(processes: Iterable[proc.Process], seconds: float, pause: Callable[[float], None]) -> None:
    deadline = time.monotonic() + seconds
    while _alive(processes) and time.monotonic() < deadline:
        pause(0.1)
