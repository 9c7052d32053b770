"""Restarting and stopping, with small children."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billing_portal.processes import proc
from billing_portal.processes.child import Child, Command
from billing_portal.processes.folders import Folders, prepare
from billing_portal.processes.stopping import STOP_SIGNALS, StopRequest
from billing_portal.processes.supervisor import Stage, Supervisor
from tests.processes.running_system import wait_until


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    """The supervisor's signal handlers, for the length of one test."""
    handlers = {number: signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGCHLD)}
    yield StopRequest()
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def make_child(reachable_folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Child]]:
    folders: Folders = prepare(reachable_folder / request.node.name)
    made: list[Child] = []

    def make(program: str, **more: float) -> Child:
        name = f"child-{len(made)}"
        child = Child(Command(name, [sys.executable, "-c", program], {}, Path("/"), **more), folders)
        made.append(child)
        child.start()
        return child

    yield make
    for child in made:
        child.kill()


def test_the_end_of_a_failing_childs_log_is_shown_once(
    stop: StopRequest, make_child: Callable[..., Child], capsys: pytest.CaptureFixture[str]
) -> None:
    child = make_child("raise SystemExit('no such table')")
    supervisor = Supervisor(stop)
    supervisor.watch([child], Stage.USERS)

    def died_three_times() -> bool:
        supervisor.tend()
        return supervisor.most_deaths(Stage.USERS) == 3

    wait_until(died_three_times, "three deaths")
    shown = capsys.readouterr().out
    assert shown.count("no such table") == 1
    assert [f"child-0 ended (exit code 1); starting it again in {delay} s" in shown for delay in (0.2, 0.4, 0.8)]


def test_a_child_that_ignores_the_request_to_stop_is_killed_with_its_own_children(
    stop: StopRequest, make_child: Callable[..., Child]
) -> None:
    stubborn = make_child(
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.fork(), flush=True)\n"
        "while True: signal.pause()",
        stop_seconds=0.3,
    )
    wait_until(lambda: stubborn.log.read_text().count("\n") == 2, "both processes")
    below = [int(line) for line in stubborn.log.read_text().split() if line != "0"]
    supervisor = Supervisor(stop)
    supervisor.watch([stubborn], Stage.USERS)
    supervisor.stop_all()
    assert stubborn.exit_code() == -signal.SIGKILL
    wait_until(lambda: not [pid for pid in below if proc.look_up(pid)], "the end of the grandchild")


def test_a_second_request_to_stop_does_not_wait(stop: StopRequest, make_child: Callable[..., Child]) -> None:
    child = make_child(
        "import os, signal\n"
        "def impatient(*_): os.kill(os.getppid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGTERM, impatient)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()",
        stop_seconds=60.0,
    )
    wait_until(lambda: "ready" in child.log.read_text(), "the child")
    supervisor = Supervisor(stop)
    supervisor.watch([child], Stage.USERS)
    supervisor.stop_all()
    assert child.exit_code() == -signal.SIGKILL
    assert stop.count == 1


def test_a_long_log_is_moved_aside_and_written_on(make_child: Callable[..., Child]) -> None:
    child = make_child(
        "import signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('after', flush=True))\n"
        "print('before', flush=True)\n"
        "while True: signal.pause()"
    )
    wait_until(lambda: "before" in child.log.read_text(), "the first line")
    child.shorten_log(limit=3)
    child.ask_to_stop()
    wait_until(lambda: child.log.read_text() == "after\n", "the line after")
    assert child.log.with_suffix(".log.old").read_text() == "before\n"
