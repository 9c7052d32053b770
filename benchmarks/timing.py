"""Two sides asked in turn, so that a busy machine hits both alike: wall time, and CPU time where noise is left out."""

import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

WARM = 3
_SCHEDULED = 2  # as clock_getcpuclockid(3) makes the clock of another process


@dataclass
class Side:
    """Something to ask. `processes` are those whose CPU time its answers cost."""

    ask: Callable[[], None]
    processes: list[int]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Milliseconds."""
        return statistics.median(self.wall)

    @property
    def least(self) -> float:
        return min(self.wall)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu)

    def take(self) -> None:
        """Ask once, and write down how long it took."""
        before, begun = cpu_time(self.processes), time.perf_counter()
        self.ask()
        self.wall.append((time.perf_counter() - begun) * 1000)
        self.cpu.append(cpu_time(self.processes) - before)


def compare(one: Side, other: Side, times: int) -> None:
    """Ask both `times` times: A B, B A, A B and so on, since who comes second may find a warmer machine."""
    for side in (one, other):
        for _ in range(WARM):
            side.ask()
    for n in range(times):
        for side in (one, other) if n % 2 else (other, one):
            side.take()


def cpu_time(processes: list[int]) -> float:
    """Milliseconds that these processes have spent on a CPU, threads that have ended included."""
    return sum(_clock(process) for process in processes) * 1000


def _clock(process: int) -> float:
    with suppress(OSError):  # it has just ended
        return time.clock_gettime(~process << 3 | _SCHEDULED)
    return 0.0
