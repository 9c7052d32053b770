"""The product's own processes: web (one per core, sharing one socket), worker, beat."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from billing_portal.paths import repository
from billing_portal.processes.child import Command
from billing_portal.processes.folders import Folders
from billing_portal.processes.ports import BACKLOG

_CONNECTIONS_PER_WEB_PROCESS = "8"
_WORKER_PROCESSES = 2
_UVICORN = (
    *("--workers=1", "--loop=uvloop", "--http=httptools", "--no-access-log"),
    *("--timeout-graceful-shutdown=10", "--lifespan=off"),
)


def commands(folders: Folders, env: Mapping[str, str], listener: int) -> list[Command]:
    """Everything that uses the servers. `listener` is the descriptor of the listening socket."""
    webs = [_web(number, env, listener) for number in range(1, len(os.sched_getaffinity(0)) + 1)]
    return [*webs, _worker(env), _beat(folders, env)]


def manage(name: str, env: Mapping[str, str], *arguments: str, output: Path | None = None) -> Command:
    """One run of `manage.py`, for the steps of starting."""
    return Command(name, [sys.executable, "manage.py", *arguments], env, repository(), output=output)


def _web(number: int, env: Mapping[str, str], listener: int) -> Command:
    return Command(
        name=f"web-{number}",
        argv=[
            *(sys.executable, "-m", "uvicorn", "billing_portal.asgi:application"),
            *(f"--fd={listener}", f"--backlog={BACKLOG}", *_UVICORN),
        ],
        # A pool: a sync view under ASGI would otherwise open a connection per request.
        env={"DB_POOL": _CONNECTIONS_PER_WEB_PROCESS, **env},
        cwd=repository(),
        stop_seconds=12.0,
        descriptors=(listener,),
    )


def _worker(env: Mapping[str, str]) -> Command:
    return Command(
        name="worker",
        argv=[*_celery("worker"), f"--concurrency={_WORKER_PROCESSES}", "--without-gossip", "--without-mingle"],
        # No pool: it would be inherited by the forked processes, who would then share one connection.
        env={key: value for key, value in env.items() if key != "DB_POOL"},
        cwd=repository(),
        stop_seconds=15.0,
    )


def _beat(folders: Folders, env: Mapping[str, str]) -> Command:
    schedule = folders.run / "beat-schedule"
    return Command("beat", [*_celery("beat"), f"--schedule={schedule}", "--pidfile="], env, repository())


def _celery(role: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "billing_portal", role, "--loglevel=INFO")
