"""What do open live streams cost the process that serves them? 300 of them, while agents run, beside none.

    python -m benchmarks.streams --streams 300 --seconds 30

One web process with a pool of 8. Exit code 1 where streams take connections to PostgreSQL, or where after a kill and a
new start not every stream is back with the balance that the database has.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

import httpx

from benchmarks import product, report
from benchmarks.addresses import headers
from benchmarks.helper import Helper
from benchmarks.histories import build
from benchmarks.phase import HEADING, Phase, memory
from benchmarks.timing import cpu_time
from billing_portal.processes import ports
from billing_portal.processes.embedded import EmbeddedServers

DATABASE = "benchmark_streams"
ROWS, PER_DAY = 20_000, 1_600
AGENTS = 4
BACK_IN = 30.0  # seconds in which every stream must be back
MEMBER = """INSERT INTO organisations_member (organisation_id, user_id, role, joined_at)
SELECT o.id, u.id, 'viewer', now() FROM organisations_organisation o, organisations_user u
WHERE u.email = 'person0@large.example' AND o.slug LIKE 'empty-%%' ORDER BY o.id LIMIT %s RETURNING organisation_id"""
SLUGS = "SELECT slug FROM organisations_organisation WHERE id = ANY (%s) ORDER BY id"
CONNECTIONS = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'billing_portal'"""
BALANCE = "SELECT balance::text FROM wallets_wallet WHERE organisation_id = %s"


@dataclass
class Bench:
    servers: EmbeddedServers
    words: dict[str, Any]
    base: str
    process: int = 0

    def phase(self, streams: int, seconds: float, crowd: Helper) -> Phase:
        """Ask for a plain page and an authorisation in turn, a few times a second, for so long."""
        seen = Phase(streams)
        crowd.tell(f"open {streams}")
        time.sleep(2)
        crowd.tell("report")
        with self.member() as member, self.agent() as agent, product.superuser(self.servers, DATABASE) as database:
            begun, cpu = time.perf_counter(), cpu_time([self.process])
            while time.perf_counter() - begun < seconds:
                seen.overview.append(timed(lambda: member.get(f"/o/{self.words['slug']}/").raise_for_status())[0])
                seen.authorise.append(self.authorise(agent))
                seen.connections.append(database.execute(CONNECTIONS).fetchone()[0])
                time.sleep(0.1)
            seen.seconds = time.perf_counter() - begun
            seen.cpu = (cpu_time([self.process]) - cpu) / seen.seconds / 10
        seen.memory = memory(self.process)
        seen.got = crowd.tell("report")
        print(seen.line(), flush=True)
        return seen

    def authorise(self, agent: httpx.Client) -> float:
        provider, _, model = self.words["model"].partition("/")
        call = {"provider": provider, "model": model, "input_tokens": 2000, "max_output_tokens": 500}
        key = str(time.time_ns())
        took, answer = timed(lambda: agent.post("authorisations", json=call, headers={"Idempotency-Key": key}))
        hold = answer.raise_for_status().json()["id"]
        again = {"Idempotency-Key": f"{key}-release"}
        agent.post(f"authorisations/{hold}/release", json={}, headers=again).raise_for_status()
        return took

    def member(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers=headers(self.words, "member"), timeout=60)

    def agent(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.base}/api/v1/", headers=headers(self.words, "key"), timeout=60)


def main() -> int:
    options = _options()
    with product.servers() as servers:
        product.make_template(servers)
        history = build(servers, DATABASE, 0, ROWS, PER_DAY, datetime.now(UTC))
        paths = [f"/o/{slug}/live/stream" for slug in ["large", *_others(servers, options.organisations - 1)]]
        print(report.machine(servers))
        with ports.listen(product.PORT) as listener:
            port = listener.getsockname()[1]
            bench = Bench(servers, history.words, f"http://{ports.HOST}:{port}")
            crowd = Helper("benchmarks.watchers", str(port), history.words["sessions"]["member"], *paths)
            try:
                return _run(bench, history.env, listener.fileno(), crowd, options)
            finally:
                crowd.process.kill()


def _run(bench: Bench, env: dict[str, str], listener: int, crowd: Helper, options: argparse.Namespace) -> int:
    agents = [bench.base, bench.words["key"], bench.words["model"], str(AGENTS)]
    with product.web_on(env, listener, bench.base) as web:
        bench.process = web.process.pid
        working = Helper("benchmarks.agents", *agents)
        print(HEADING, flush=True)
        phases = [
            bench.phase(streams, options.seconds / (1 if streams > 1 else 2), crowd)
            for streams in (0, 1, options.streams, 0, options.streams)
        ]
        flat = _compare(phases, options.streams)
        killed = time.perf_counter()
    with product.web_on(env, listener, bench.base) as web:
        crowd.tell(f"open {options.streams}")
        back = time.perf_counter() - killed
        print(f"\nKilled and started anew: all {options.streams} streams are back {back:.1f} s after the kill")
        calls = working.end()
        print(f"{AGENTS} agents made {calls['calls']:,} calls, {calls['ms']:.0f} ms each (authorise, progress, settle)")
        right = _figures_are_right(bench, crowd, options)
    return 0 if flat and right else 1


def _compare(phases: list[Phase], streams: int) -> bool:
    """Ratios of beside streams to without; whether connections stayed flat."""
    alone = [phase for phase in phases if phase.streams == 0]
    beside = [phase for phase in phases if phase.streams == streams]
    for name in ("overview", "authorise"):
        floor, found = (median(ms for phase in side for ms in getattr(phase, name)) for side in (alone, beside))
        print(f"{name}: {floor:.1f} ms without streams, {found:.1f} ms beside {streams}: ratio {found / floor:.2f}")
    without, with_ = (max(n for phase in side for n in phase.connections) for side in (alone, beside))
    print(f"connections to PostgreSQL: {without} without streams, {with_} beside {streams} (the pool has 8)")
    return with_ <= 8


def _figures_are_right(bench: Bench, crowd: Helper, options: argparse.Namespace) -> bool:
    """Whether every stream of the organisation that works comes to show what the database has."""
    watching = -(-options.streams // options.organisations)
    deadline = time.monotonic() + BACK_IN
    with product.superuser(bench.servers, DATABASE) as database:
        [balance] = database.execute(BALANCE, [bench.words["id"]]).fetchone()
    shown: dict[str, int] = {}
    while time.monotonic() < deadline:
        shown = crowd.tell("shown")["balances"]
        if shown.get(balance, 0) == watching:
            print(f"{watching} of {watching} streams show the database's balance, {balance}")
            return True
        time.sleep(0.2)
    print(f"WRONG: the database has {balance}, the streams show {shown}")
    return False


def _others(servers: EmbeddedServers, count: int) -> list[str]:
    """Organisations without usage that the same person may watch."""
    with product.superuser(servers, DATABASE) as database:
        joined = [organisation for (organisation,) in database.execute(MEMBER, [count]).fetchall()]
        return [slug for (slug,) in database.execute(SLUGS, [joined]).fetchall()]


def timed(act: Any) -> tuple[float, Any]:
    """Milliseconds, and what came of it."""
    begun = time.perf_counter()
    found = act()
    return (time.perf_counter() - begun) * 1000, found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20, help="of a phase with streams; half as long without")
    parser.add_argument("--organisations", type=int, default=1, help="that the streams are spread over; one has agents")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
