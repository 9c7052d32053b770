"""Reading /proc: which process is alive, when it began, who belongs to it."""

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One living process. `started` is in clock ticks since boot: with the pid it names a process for good."""

    pid: int
    parent: int
    group: int
    started: int


def look_up(pid: int) -> Process | None:
    """The process with this pid, or None when it is gone.

    A zombie counts as gone: it holds nothing, and the init of a container may take seconds to collect it.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name stands in parentheses and may itself hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return None
    return Process(pid=pid, parent=int(fields[1]), group=int(fields[2]), started=int(fields[19]))


def everyone() -> list[Process]:
    """All living processes of this machine."""
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [process for process in map(look_up, pids) if process]


def boot_id() -> str:
    """Changes with each boot: start times of different boots must not be compared."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def runs_in(pid: int, folder: Path, program: str) -> bool:
    """Whether the process is `program` (a file name) and has `folder` as its working directory."""
    try:
        cwd = (PROC / str(pid) / "cwd").readlink()
        executable = (PROC / str(pid) / "exe").readlink()
    except OSError:
        return False
    return cwd == folder and executable.name == program
