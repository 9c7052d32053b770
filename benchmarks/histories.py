"""Databases with a history of calls: made, checked, and found again."""

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks import product
from billing_portal.paths import repository
from billing_portal.processes.embedded import EmbeddedServers


@dataclass
class History:
    """A database, and the web process on it once there is one. `words` are what its addresses are made of."""

    name: str
    env: dict[str, str]
    words: dict[str, Any]
    base: str = ""
    process: int = 0

    @property
    def calls(self) -> int:
        return int(self.words["calls"])


def build(servers: EmbeddedServers, name: str, number: int, calls: int, per_day: int, end: datetime) -> History:
    """Make the database `name` with so many settled calls before `end`, and check that its ledger is clean."""
    product.make_database(servers, name)
    begun = time.monotonic()
    arguments = [str(calls), str(per_day), end.isoformat(), servers.superuser_url(name)]
    run(["-m", "benchmarks.history.build", *arguments], product.environment(servers, name, number))
    took = time.monotonic() - begun
    made = found(servers, name, number)
    with product.superuser(servers, name) as connection:
        [size] = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
    print(f"{calls:,} calls over {calls // per_day:,} days, {size}, built in {took:.0f} s (fsync off)", flush=True)
    print(f"  verify_ledger: {_verified(made.env)}", flush=True)
    return made


def found(servers: EmbeddedServers, name: str, number: int) -> History:
    """The history that is in the database `name`."""
    with product.superuser(servers, name) as connection:
        [words] = connection.execute("SELECT words FROM made_words").fetchone()
    return History(name, product.environment(servers, name, number), words)


def run(command: list[str], env: dict[str, str], given: str = "") -> str:
    """What a program of the product writes; ends this one where it fails."""
    done = _run(command, env, given)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _verified(env: dict[str, str]) -> str:
    """The verdict, or why there is none; ends this program where the ledger is violated."""
    done = _run(["manage.py", "verify_ledger"], env)
    if done.returncode and done.stdout:
        sys.exit(done.stdout)
    return (done.stdout or done.stderr).splitlines()[-1]


def _run(command: list[str], env: dict[str, str], given: str = "") -> "subprocess.CompletedProcess[str]":
    env = {**env, "DJANGO_SETTINGS_MODULE": "billing_portal.settings"}
    argv = [sys.executable, *command]
    return subprocess.run(argv, cwd=repository(), env=env, input=given, capture_output=True, text=True, check=False)
