"""The start command: servers, migrations, demo data, processes, then the supervisor until someone stops it."""

import http.client
import os
import socket
import time
from collections.abc import Mapping, Sequence

from billing_portal import paths
from billing_portal.processes import (
    demo,
    environment,
    external,
    folders,
    leftovers,
    ports,
    preparation,
    product,
    supervisor,
)
from billing_portal.processes.child import Child, Command
from billing_portal.processes.console import say, step
from billing_portal.processes.embedded import EmbeddedServers
from billing_portal.processes.errors import StartError, StoppedError
from billing_portal.processes.locking import DataLock
from billing_portal.processes.stopping import StopRequest

_READY_SECONDS = 90.0
_ATTEMPTS = 3


def main() -> int:
    """Run the system until it is asked to stop. Returns the exit code: 0 after an orderly stop."""
    try:
        begun = time.monotonic()
        place = folders.prepare(paths.data_dir())
        lock = DataLock(place.data / "lock")
        lock.acquire()
        external.check(os.environ)
        return System(place, lock, StopRequest(), begun).run()
    except StartError as error:
        say(f"Not started: {error}")
        return 1


class System:
    """One run of everything on one data folder."""

    def __init__(self, place: folders.Folders, lock: DataLock, stop: StopRequest, begun: float) -> None:
        self._place, self._lock, self._stop, self._begun = place, lock, stop, begun
        self._supervisor = supervisor.Supervisor(stop)
        self._servers = EmbeddedServers(
            place.data,
            postgres="DATABASE_URL" not in os.environ,
            valkey="REDIS_URL" not in os.environ,
            pause=stop.pause,
            notice=say,
        )

    def run(self) -> int:
        """Start, supervise, stop. Raises StartError when a step of starting fails; nothing is left running then."""
        supervisor.adopt_orphans()
        leftovers.clear(self._place.run, self._place.postgres, self._stop.pause)
        listener = self._listen()
        self._providers = demo.listen(os.environ, listener.getsockname()[1] + 1)
        try:
            self._start(listener)
            self._supervisor.run()
        except StoppedError:
            pass
        finally:
            with step("Stopping"):
                listener.close()
                self._supervisor.stop_all()
                if self._providers:
                    self._providers.close()
                self._servers.stop()
        return 0

    def _listen(self) -> socket.socket:
        preferred = _preferred_port()
        listener = ports.listen(preferred)
        port = listener.getsockname()[1]
        if port != preferred:
            say(f"Port {preferred} is taken by another program; using {port}.")
        self._url = f"http://{ports.HOST}:{port}"
        self._lock.describe(self._url)
        return listener

    def _start(self, listener: socket.socket) -> None:
        with step("Starting the database and the queue"):
            self._servers.start()
        self._supervisor.watch(self._servers.children, supervisor.Stage.SERVERS)
        env = self._environment()
        logins = self._prepare(env)
        with step("Starting the site"):
            self._start_web(env, listener)
        # After the site: all at once would compete for the cores, and nobody waits for these.
        self._keep_up([*product.background(self._place, env), *demo.commands(env, self._providers)])
        self._keep_up(demo.agents(env, self._place.agents, self._url))
        took = time.monotonic() - self._begun
        say(f"\nTransparent Billing runs at {self._url} (ready after {took:.1f} s)")
        say(f"{logins}\nLogs: {self._place.log}\nCtrl-C stops everything.")

    def _environment(self) -> dict[str, str]:
        """What the processes see; `portal.env` holds the same for `manage.py` in another terminal."""
        keys = environment.generated_secrets(self._place.data / "secrets.env")
        values = {
            "SECRET_KEY": keys["SECRET_KEY"],
            "API_KEY_HMAC_KEY": keys["API_KEY_HMAC_KEY"],
            "SITE_URL": self._url,
            "ALLOWED_HOSTS": f"{ports.HOST},localhost",
            "DEBUG": "0",
            "DEMO": "1",
            **demo.urls(self._providers),
            **self._server_urls(),
        }
        chosen = {name: os.environ[name] for name in (*values, *_OPTIONAL) if name in os.environ}
        environment.write(self._place.data / "portal.env", values | chosen)
        return {**values, **os.environ, "PORTAL_DATA": str(self._place.data), "PYTHONUNBUFFERED": "1"}

    def _server_urls(self) -> dict[str, str]:
        urls: dict[str, str] = {}
        if "DATABASE_URL" not in os.environ:
            urls |= {"DATABASE_URL": self._servers.app_url(), "MIGRATION_DATABASE_URL": self._servers.owner_url()}
        if "REDIS_URL" not in os.environ:
            urls |= {"REDIS_URL": self._servers.redis_url}
        return urls

    def _prepare(self, env: Mapping[str, str]) -> str:
        """Migrate and load the demo; returns its logins. Raises StartError when that fails."""
        logins = self._place.run / "logins.txt"
        child = Child(product.preparation(env, logins, self._place.agents), self._place)
        child.start()
        try:
            while child.exit_code() is None:
                self._stop.pause(1.0)
        finally:
            child.kill()
        if child.exit_code() == preparation.SCHEMA_IS_BEHIND:
            raise StartError(external.how_to_migrate(env["DATABASE_URL"]))
        if child.exit_code():
            raise StartError(f"the preparation failed. {child.log} ends with:\n{child.last_words(40)}")
        return logins.read_text()

    def _start_web(self, env: Mapping[str, str], listener: socket.socket) -> None:
        self._keep_up(product.web(env, listener.fileno()))
        deadline = time.monotonic() + _READY_SECONDS
        while not _is_ready(listener.getsockname()[1]):
            if time.monotonic() > deadline or self._supervisor.most_deaths(supervisor.Stage.USERS) > _ATTEMPTS:
                raise StartError(f"the site did not become ready. Its logs are in {self._place.log}.")
            self._supervisor.tend()
            self._stop.pause(0.1)

    def _keep_up(self, commands: Sequence[Command]) -> None:
        children = [Child(command, self._place) for command in commands]
        for child in children:
            child.start()
        self._supervisor.watch(children, supervisor.Stage.USERS)


_OPTIONAL = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL", "LOCAL_PROVIDERS_URL")


def _preferred_port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdigit() or not 0 < int(text) < 65_536:
        raise StartError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
