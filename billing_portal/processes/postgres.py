"""The embedded PostgreSQL: a data folder, three roles with generated passwords, TCP on the loopback address only."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from billing_portal.processes.account import Account
from billing_portal.processes.child import Command
from billing_portal.processes.errors import StartError
from billing_portal.processes.folders import Folders, write_private
from billing_portal.processes.ports import HOST

SUPERUSER, OWNER, APP = "postgres", "portal_owner", "portal_app"
DATABASE = "portal"
_PASSWORDS = {SUPERUSER: "POSTGRES_PASSWORD", OWNER: "PORTAL_OWNER_PASSWORD", APP: "PORTAL_APP_PASSWORD"}
_ROLE_RIGHTS = {
    OWNER: "LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOBYPASSRLS",
    APP: "LOGIN NOCREATEDB NOSUPERUSER NOCREATEROLE NOBYPASSRLS",
}
# Nobody but these accounts, nothing but a password, no other way in than the loopback address.
_ACCESS = f"host all all {HOST}/32 scram-sha-256\n"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Postgres:
    """One server. `durable` False gives up safety against power loss for speed: for tests only."""

    folders: Folders
    port: int
    programs: Path
    account: Account | None
    secrets: Mapping[str, str]
    durable: bool = True

    def url(self, role: str, database: str) -> str:
        """The URL by which a role reaches a database."""
        return f"postgresql://{role}:{self.secrets[_PASSWORDS[role]]}@{HOST}:{self.port}/{database}"

    def command(self) -> Command:
        """How to run it in the foreground. SIGINT is its fast shutdown: sessions end, a checkpoint is written."""
        settings = [
            f"port={self.port}",
            f"listen_addresses={HOST}",
            "unix_socket_directories=",  # the path of a socket may not exceed 107 bytes; a data folder's may
            f"max_connections={_connections()}",
            "timezone=UTC",
            "log_timezone=UTC",
            *(() if self.durable else _NOT_DURABLE),
        ]
        flags = [part for setting in settings for part in ("-c", setting)]
        return Command(
            name="postgresql",
            argv=[str(self.programs / "postgres"), "-D", str(self.folders.postgres), *flags],
            env=_ENVIRONMENT,
            cwd=Path("/"),
            account=self.account,
            stop_signal=signal.SIGINT,
            stop_seconds=30.0,
            death_signal=signal.SIGINT,
            # PostgreSQL refuses to start when the pid in there is in use, by whatever process (also by a zombie). We
            # hold the lock and know that ours is dead; sessions that outlived it hold the shared memory, which
            # PostgreSQL finds without this file.
            stale_files=(self.folders.postgres / "postmaster.pid",),
        )

    def initialise(self) -> bool:
        """Make the data folder unless there is one; True when it was made. Raises StartError when initdb fails."""
        if (self.folders.postgres / "PG_VERSION").exists():
            return False
        fresh = self.folders.postgres.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password = self.folders.data / "initdb.password"
        write_private(password, self.secrets[_PASSWORDS[SUPERUSER]] + "\n")
        for path in (fresh, password):
            if self.account:
                self.account.give(path)
        try:
            self._initdb(fresh, password)
        finally:
            password.unlink()
        (fresh / "pg_hba.conf").write_text(_ACCESS)
        fresh.rename(self.folders.postgres)  # last: an interrupted start begins anew
        return True

    def _initdb(self, folder: Path, password: Path) -> None:
        command = [str(self.programs / "initdb"), "-D", str(folder), "-U", SUPERUSER, f"--pwfile={password}"]
        # Sorting and case rules built into PostgreSQL: the same on every machine, whatever locales it has.
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += [] if self.durable else ["--no-sync"]
        done = subprocess.run(
            command,
            env=_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        if done.returncode:
            raise StartError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def answers(self) -> bool:
        """Whether it accepts connections. Raises StartError when it refuses our password."""
        try:
            psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartError(
                    f"{self.folders.data}/secrets.env does not belong to {self.folders.postgres}."
                ) from error
            return False
        return True

    def ensure_roles(self) -> None:
        """Make the two roles and the database of the product, where missing."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role, rights in _ROLE_RIGHTS.items():
                if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                    connection.execute(self._create_role(role, rights))
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
            connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
            connection.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {APP}")

    def _create_role(self, role: str, rights: str) -> sql.Composed:
        statement = sql.SQL("CREATE ROLE {} {} PASSWORD {}")
        password = sql.Literal(self.secrets[_PASSWORDS[role]])
        return statement.format(sql.Identifier(role), sql.SQL(rights), password)


def _connections() -> int:
    """Room for the pools of one web process per core, the workers, tools and a person with psql."""
    return 60 + 20 * (os.cpu_count() or 1)


def _exists(connection: psycopg.Connection, question: str, name: str) -> bool:
    return connection.execute(question, [name]).fetchone() is not None
