"""Does a page take longer, the longer the history is? Every page over a long history beside the same over a short one.

    python -m benchmarks.pages --rows 3000000 --floor 100000

Both histories are alike but for their length: the same calls a day, of the same organisations. Exit code 1 where a page
takes more than 1.5 times as long.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import httpx

from benchmarks import product, report
from benchmarks.addresses import ADDRESSES, headers
from benchmarks.histories import History, build, found, run
from benchmarks.timing import Side, compare
from billing_portal.processes.embedded import EmbeddedServers

REACH = 1.5
DAYS_AT_LEAST = 62  # a page compares 30 days with the 30 before, and the short history shall have them, too


def main() -> int:
    options = _options()
    if options.floor / options.per_day < DAYS_AT_LEAST:
        sys.exit(f"--floor must be {DAYS_AT_LEAST} days of --per-day calls or more.")
    with product.servers() as servers, ExitStack() as stack:
        histories = list(_histories(servers, options))
        for history in histories:
            web = stack.enter_context(product.web(history.env))
            history.base = web.base
            history.process = web.process.pid
        print(report.machine(servers), flush=True)
        worst = _measure(servers, histories, options)
    return 1 if worst > REACH else 0


def _histories(servers: EmbeddedServers, options: argparse.Namespace) -> Iterator[History]:
    """The short one and the long one, both up to this moment; `--again`: those of the last run."""
    if not options.again:
        product.make_template(servers)
    end = datetime.now(UTC)
    for number, rows in enumerate((options.floor, options.rows), 1):
        name = f"benchmark_{rows}"
        yield (
            found(servers, name, number) if options.again else build(servers, name, number, rows, options.per_day, end)
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000, help="settled calls of the long history")
    parser.add_argument("--floor", type=int, default=100_000, help="settled calls of the short one")
    parser.add_argument("--per-day", type=int, default=1_600, help="settled calls a day, in both")
    parser.add_argument("--times", type=int, default=30, help="how often each page is asked for, of each history")
    parser.add_argument("--again", action="store_true", help="measure the histories that the last run built")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    return parser.parse_args()


def _measure(servers: EmbeddedServers, histories: list[History], options: argparse.Namespace) -> float:
    counts = [json.loads(run(["-m", "benchmarks.counting"], h.env, json.dumps(h.words))) for h in histories]
    print(report.heading(*(h.calls for h in histories)), flush=True)
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
