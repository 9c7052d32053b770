"""The embedded Valkey: every write goes to a file, so queued tasks survive a restart; a password; loopback only."""

import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from billing_portal.processes.account import Account
from billing_portal.processes.child import Command
from billing_portal.processes.folders import Folders, write_private
from billing_portal.processes.ports import HOST


@dataclass(frozen=True)
class Valkey:
    """One server. `durable` False keeps nothing on disk: for tests only."""

    folders: Folders
    port: int
    program: Path
    account: Account | None
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def initialise(self) -> None:
        """Make the data folder and write the configuration: a password in the arguments could be read by anyone."""
        self.folders.valkey.mkdir(mode=0o700, exist_ok=True)
        config = self.folders.valkey / "valkey.conf"
        write_private(config, "\n".join(self._settings()) + "\n")
        for path in (self.folders.valkey, config):
            if self.account:
                self.account.give(path)

    def _settings(self) -> list[str]:
        return [
            f"bind {HOST}",
            f"port {self.port}",
            f'requirepass "{self.password}"',
            f'dir "{self.folders.valkey}"',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",  # a queue must refuse rather than forget
            "daemonize no",
        ]

    def command(self) -> Command:
        """How to run it in the foreground."""
        return Command(
            name="valkey",
            argv=[str(self.program), str(self.folders.valkey / "valkey.conf")],
            env={"PATH": os.defpath, "TZ": "UTC"},
            cwd=Path("/"),
            account=self.account,
            stop_signal=signal.SIGTERM,
            stop_seconds=10.0,
            death_signal=signal.SIGTERM,
        )

    def answers(self) -> bool:
        """Whether it accepts our password and commands (it refuses while it loads its file)."""
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (more := connection.recv(256)):
                    answer += more
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"
