"""Does a page take longer, the longer the history is? Every page over a long history beside the same over a short one.

    python -m benchmarks.pages --rows 3000000 --floor 100000

Both histories are alike but for their length: the same calls a day, of the same organisations. Exit code 1 where a page
takes more than 1.5 times as long.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from benchmarks import product, report
from benchmarks.addresses import ADDRESSES, headers
from benchmarks.timing import Side, compare
from billing_portal.paths import repository
from billing_portal.processes.embedded import EmbeddedServers

REACH = 1.5
DAYS_AT_LEAST = 62  # a page compares 30 days with the 30 before, and the short history shall have them, too


@dataclass
class History:
    """A built database, and the web process on it."""

    name: str
    rows: int
    env: dict[str, str]
    words: dict[str, Any]
    base: str = ""
    process: int = 0


def main() -> int:
    options = _options()
    if options.floor / options.per_day < DAYS_AT_LEAST:
        sys.exit(f"--floor must be {DAYS_AT_LEAST} days of --per-day calls or more.")
    with product.servers() as servers, ExitStack() as stack:
        product.make_template(servers)
        end = datetime.now(UTC).isoformat()
        histories = [
            build(servers, f"benchmark_{rows}", n, rows, options.per_day, end)
            for n, rows in enumerate((options.floor, options.rows), 1)
        ]
        for history in histories:
            web = stack.enter_context(product.web(history.env))
            history.base = web.base
            history.process = web.process.pid
        print(report.machine(servers), flush=True)
        worst = _measure(servers, histories, options)
    return 1 if worst > REACH else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000, help="settled calls of the long history")
    parser.add_argument("--floor", type=int, default=100_000, help="settled calls of the short one")
    parser.add_argument("--per-day", type=int, default=1_600, help="settled calls a day, in both")
    parser.add_argument("--times", type=int, default=30, help="how often each page is asked for, of each history")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    return parser.parse_args()


def build(servers: EmbeddedServers, name: str, number: int, rows: int, per_day: int, end: str) -> History:
    """Make the database `name` with a history up to `end` (ISO 8601), and check that its ledger is clean."""
    product.make_database(servers, name)
    env = product.environment(servers, name, number)
    begun = time.monotonic()
    built = _run(["-m", "benchmarks.history.build", str(rows), str(per_day), end, servers.superuser_url(name)], env)
    took = time.monotonic() - begun
    with product.superuser(servers, name) as connection:
        [size] = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
    print(f"{rows:,} calls over {rows // per_day:,} days, {size}, built in {took:.0f} s (fsync off)", flush=True)
    verified = _run(["manage.py", "verify_ledger"], env)
    print(f"  verify_ledger: {verified.splitlines()[-1]}", flush=True)
    return History(name, rows, env, json.loads(built))


def _run(command: list[str], env: dict[str, str], given: str = "") -> str:
    env = {**env, "DJANGO_SETTINGS_MODULE": "billing_portal.settings"}
    argv = [sys.executable, *command]
    done = subprocess.run(argv, cwd=repository(), env=env, input=given, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed:\n{done.stdout}")
    return done.stdout


def _measure(servers: EmbeddedServers, histories: list[History], options: argparse.Namespace) -> float:
    counts = [json.loads(_run(["-m", "benchmarks.counting"], h.env, json.dumps(h.words))) for h in histories]
    print(report.heading(*(h.rows for h in histories)), flush=True)
    worst = 0.0
    for name in ADDRESSES:
        if options.only not in name:
            continue
        floor, long = _compared(servers, histories, name, options.times)
        if long.median / floor.median > REACH:  # once more, for longer: a busy neighbour is no finding
            floor, long = _compared(servers, histories, name, options.times * 3)
        worst = max(worst, long.median / floor.median)
        print(report.line(name, [found[name] for found in counts], floor, long, REACH), flush=True)
    return worst


def _compared(servers: EmbeddedServers, histories: list[History], name: str, times: int) -> tuple[Side, Side]:
    with ExitStack() as stack:
        floor, long = (stack.enter_context(_side(servers, history, name)) for history in histories)
        compare(floor, long, times)
        return floor, long


@contextmanager
def _side(servers: EmbeddedServers, history: History, name: str) -> Iterator[Side]:
    """A page of one history, over one kept connection."""
    who, path = ADDRESSES[name]
    path = path.format(**history.words)

    def ask() -> None:
        answer = http.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    with httpx.Client(base_url=history.base, headers=headers(history.words, who), timeout=60) as http:
        ask()  # the pool opens what it needs, before its sessions are looked for
        yield Side(ask, [history.process, *_sessions(servers, history)])


def _sessions(servers: EmbeddedServers, history: History) -> list[int]:
    """The processes of PostgreSQL that serve a history."""
    with product.superuser(servers, history.name) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in found.fetchall()]


if __name__ == "__main__":
    sys.exit(main())
