"""Keeps the children up until someone asks to stop, then takes them down in order."""

import ctypes
import enum
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from billing_portal.processes import leftovers, proc
from billing_portal.processes.child import Child
from billing_portal.processes.console import indented, say
from billing_portal.processes.stopping import StopRequest

_PR_SET_CHILD_SUBREAPER = 36
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 10.0
# A child that lived this long was healthy: its next death starts the delays anew.
_HEALTHY_SECONDS = 30.0
_LOG_LIMIT = 20_000_000


def adopt_orphans() -> None:
    """Make this process the parent of what its children leave behind when they are killed.

    So the sessions of a killed PostgreSQL can be seen and ended, and no zombie waits for a slow init.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Stage(enum.IntEnum):
    """Stages of stopping: what uses the servers ends before them."""

    USERS = 1
    SERVERS = 2


@dataclass
class _Watched:
    """A child, and when to start it again."""

    child: Child
    stage: Stage
    started: float = field(default_factory=time.monotonic)
    restart_at: float | None = None
    delay: float = _FIRST_DELAY
    deaths: int = 0
    quoted: str = ""


class Supervisor:
    """Watches children; those that die are restarted after a delay that grows while they keep dying."""

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop
        self._watched: list[_Watched] = []
        # Children that this process already had are none of the supervisor's business.
        self._others = {process.pid for process in _own_children()}

    def watch(self, children: Sequence[Child], stage: Stage) -> None:
        """Keep running children up from now on."""
        self._watched += [_Watched(child, stage) for child in children]

    def run(self) -> None:
        """Tend the children until a stop is asked for."""
        while not self._stop.count:
            self.tend()
            self._stop.wait(self._seconds_to_next_restart())

    def most_deaths(self, stage: Stage) -> int:
        """How often in a row the unluckiest child of a stage died soon after its start."""
        return max((watched.deaths for watched in self._watched if watched.stage == stage), default=0)

    def tend(self) -> None:
        """Note deaths, end what the dead left behind, restart what is due."""
        for watched in self._watched:
            if watched.restart_at is None and watched.child.exit_code() is not None:
                self._note_death(watched)
        self.end_orphans()
        for watched in self._watched:
            if watched.restart_at is not None and time.monotonic() >= watched.restart_at:
                self._restart(watched)
            watched.child.shorten_log(_LOG_LIMIT)

    def end_orphans(self) -> None:
        """Kill and collect descendants whose own parent died: none of our children leaves any on purpose."""
        known = self._others | {watched.child.pid for watched in self._watched if watched.child.pid}
        for process in _own_children():
            if process.pid not in known:
                leftovers.kill(process)
        self._collect_orphans(known)

    def stop_all(self) -> None:
        """Stop stage by stage; each child has its time to end, then its group is killed. A second request to stop
        cuts the waiting short."""
        for stage in Stage:
            children = [watched.child for watched in self._watched if watched.stage == stage]
            for child in children:
                child.ask_to_stop()
            self._wait_for_end(children)
            for child in children:
                child.kill()
        self.end_orphans()

    def _note_death(self, watched: _Watched) -> None:
        if time.monotonic() - watched.started > _HEALTHY_SECONDS:
            watched.delay = _FIRST_DELAY
            watched.deaths = 0
        watched.deaths += 1
        child, code = watched.child, watched.child.exit_code()
        say(f"{child.name} ended ({_how(code)}); starting it again in {watched.delay:.1f} s. Log: {child.log}")
        words = child.last_words() if code is not None and code > 0 else ""
        if words != watched.quoted:  # a child that dies of the same cause again and again is quoted once
            say(indented(words))
        watched.quoted = words
        watched.restart_at = time.monotonic() + watched.delay
        watched.delay = min(watched.delay * 2, _LONGEST_DELAY)

    def _restart(self, watched: _Watched) -> None:
        """A start that fails (a full disk, no more processes) is tried again like one that died."""
        try:
            watched.child.start()
        except OSError as error:
            say(f"{watched.child.name} could not be started: {error}")
        watched.started, watched.restart_at = time.monotonic(), None

    def _seconds_to_next_restart(self) -> float:
        due = [watched.restart_at for watched in self._watched if watched.restart_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else 5.0

    def _wait_for_end(self, children: Sequence[Child]) -> None:
        asked, begun = self._stop.count, time.monotonic()
        for child in children:
            deadline = begun + child.command.stop_seconds
            while child.pid is not None and time.monotonic() < deadline and self._stop.count == asked:
                self._stop.wait(0.1)

    def _collect_orphans(self, known: set[int]) -> None:
        """Collect dead orphans. A look that leaves them comes first: our own children are collected elsewhere."""
        while found := _first_dead(os.WNOWAIT):
            if found in known:
                return
            os.waitpid(found, 0)


def _own_children() -> list[proc.Process]:
    return [process for process in proc.everyone() if process.parent == os.getpid()]


def _first_dead(flags: int) -> int | None:
    try:
        result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | flags)
    except ChildProcessError:
        return None
    return result.si_pid if result else None


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"killed by {names.get(-code, -code)}"
