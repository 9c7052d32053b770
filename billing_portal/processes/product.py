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
    *("--timeout-graceful-shutdown=4", "--lifespan=off"),
)


def web(env: Mapping[str, str], listener: int) -> list[Command]:
    """One web process per core. `listener` is the descriptor of the listening socket that they share."""
    return [_web(number, env, listener) for number in range(1, len(os.sched_getaffinity(0)) + 1)]


def background(folders: Folders, env: Mapping[str, str]) -> list[Command]:
    """The worker and the clock that gives it its regular tasks."""
    return [_worker(env), _beat(folders, env)]


def preparation(env: Mapping[str, str], logins: Path, agents: Path) -> Command:
    """The steps before the product may run: see the module of that name."""
    argv = [sys.executable, "-m", "billing_portal.processes.preparation", str(logins), str(agents)]
    return Command("preparation", argv, env, repository(), speaks=True)


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
