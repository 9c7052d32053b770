"""Runs the real start command on a data folder of its own and looks at it from outside."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from billing_portal.paths import repository
from billing_portal.processes import proc

# Set by whoever runs the tests for their own database: the system under test must make its own.
_FOREIGN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "API_KEY_HMAC_KEY", "SITE_URL", "ALLOWED_HOSTS", "DEBUG", "DEMO")


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Poll until the condition holds; fails with `what` was awaited."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def descendants(pid: int) -> list[proc.Process]:
    """All living processes below one."""
    everyone = proc.everyone()
    found, fresh = [], {pid}
    while fresh:
        below = [process for process in everyone if process.parent in fresh]
        found += below
        fresh = {process.pid for process in below}
    return found


def is_alive(process: proc.Process) -> bool:
    now = proc.look_up(process.pid)
    return now is not None and now.started == process.started


class RunningSystem:
    """One data folder on which the start command is run, several times if need be."""

    def __init__(self, data: Path, port: int, **environment: str) -> None:
        self.data, self.port = data, port
        self.env = {key: value for key, value in os.environ.items() if not key.endswith(_FOREIGN)}
        self.env |= {"PORTAL_DATA": str(data), "PORT": str(port), **environment}
        self.output_file = data.with_name(data.name + ".out")
        self.supervisor: subprocess.Popen[bytes] | None = None

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the command without waiting; its output replaces that of the run before."""
        command = [sys.executable, "-m", "billing_portal.processes"]
        with self.output_file.open("wb") as output:
            return subprocess.Popen(
                command, cwd=repository(), env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def start(self) -> float:
        """Start and wait until it says where it runs. Returns the seconds that took."""
        begun = time.monotonic()
        self.supervisor = self.launch()
        wait_until(lambda: "Ctrl-C stops everything" in self.output() or self.ended(), "the start", 90)
        assert not self.ended(), self.output()
        return time.monotonic() - begun

    def output(self) -> str:
        return self.output_file.read_text()

    def ended(self) -> bool:
        return self.supervisor is None or self.supervisor.poll() is not None

    @property
    def url(self) -> str:
        return str(json.loads((self.data / "lock").read_text())["url"])

    def status(self, path: str) -> int:
        """The status of a GET, 0 when nobody answers."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def child(self, name: str) -> int:
        """The pid of a child; 0 while it is down."""
        file = self.data / "run" / f"{name}.pid"
        return int(file.read_text().split()[0]) if file.exists() else 0

    def kill_child(self, name: str) -> int:
        """kill -9, and wait until another process has taken its place. Returns the new pid."""
        old = self.child(name)
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.child(name) not in (0, old), f"{name} restarted")
        return self.child(name)

    def processes(self) -> list[proc.Process]:
        """Everything below the supervisor."""
        assert self.supervisor
        return descendants(self.supervisor.pid)

    def signal(self, number: int) -> int:
        """Send the supervisor a signal and wait for its end. Returns its exit code."""
        assert self.supervisor
        self.supervisor.send_signal(number)
        return self.supervisor.wait(60)
