"""What was seen of a web process while so many streams were open."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HEADING = (
    "\n| streams | connections, most | overview ms (least) | authorise ms (least) | CPU of the web process | MB "
    "| updates a second (least–most) | longest silence | last stream after the first | MB/s |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass
class Phase:
    """What was seen while so many streams were open."""

    streams: int
    overview: list[float] = field(default_factory=list)
    authorise: list[float] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    cpu: float = 0.0
    memory: float = 0.0
    got: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def line(self) -> str:
        least, middle, most = self.got["updates"]
        silence, apart = self.got["silence"] if self.streams else 0, self.got["apart"][1] * 1000
        return (
            f"| {self.streams} | {max(self.connections)} | {median(self.overview):.0f} ({min(self.overview):.0f}) "
            f"| {median(self.authorise):.0f} ({min(self.authorise):.0f}) | {self.cpu:.0f} % | {self.memory:.0f} "
            f"| {middle / self.seconds:.2f} ({least}–{most} in {self.seconds:.0f} s) | {silence:.1f} s "
            f"| {apart:.0f} ms | {self.got['bytes'] / self.seconds / 1e6:.1f} |"
        )


def memory(process: int) -> float:
    """Resident megabytes."""
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
