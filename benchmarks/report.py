"""Figures as a table that can be pasted into a page."""

import os
import platform
from datetime import UTC, datetime

from benchmarks.product import superuser
from benchmarks.timing import Side
from billing_portal.processes.embedded import EmbeddedServers


def machine(servers: EmbeddedServers) -> str:
    """What it was measured on."""
    with superuser(servers, "postgres") as connection:
        version = connection.info.server_version // 10_000
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {cores} cores, load {load:.1f} before measuring, "
        f"PostgreSQL {version} (default memory settings), Python {platform.python_version()}"
    )


def heading(floor: int, long: int) -> str:
    return (
        f"\n| page | statements | ms at {floor:,} (least) | ms at {long:,} (least) | ratio | CPU ms | CPU ratio |\n"
        "|---|---|---|---|---|---|---|"
    )


def line(name: str, counts: list[int], floor: Side, long: Side, reach: float) -> str:
    """`counts` are the statements over the short and the long history, one number where they agree."""
    ratio, cpu = long.median / floor.median, long.cpu_median / floor.cpu_median
    statements = " → ".join(map(str, dict.fromkeys(counts)))
    mark = "" if ratio <= reach else f" > {reach}"
    return (
        f"| {name} | {statements} | {floor.median:.1f} ({floor.least:.1f}) | {long.median:.1f} ({long.least:.1f}) "
        f"| {ratio:.2f}{mark} | {floor.cpu_median:.1f} → {long.cpu_median:.1f} | {cpu:.2f} |"
    )
