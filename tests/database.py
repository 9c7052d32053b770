"""The test database as the owner role makes and empties it; the tests themselves run as the app role."""

import os
import subprocess
import sys
import time
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings

KEEP = ("django_migrations", "django_content_type")
AUDIT_TRAIL = "organisations_auditentry"
PATIENCE = 60.0  # seconds


def owner() -> psycopg.Connection:
    """A connection of the owner role, for what the product itself may not do."""
    return psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True)


@cache
def shared(scope: str) -> psycopg.Connection:
    """The one connection of the owner role for "read" or "write" over everything; opening one takes 10 ms each time.

    The owner, too, sees nothing under FORCE without a scope.
    """
    connection = owner()
    connection.execute("SELECT set_config('app.platform', %s, false)", [scope])
    return connection


def create() -> None:
    """Drop and make the database, and migrate it as the owner through the product's own command."""
    url = urlsplit(os.environ["MIGRATION_DATABASE_URL"])
    name = url.path.lstrip("/")
    with psycopg.connect(urlunsplit(url._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, cwd=settings.BASE_DIR)


def empty() -> None:
    """Delete every row and start the sequences anew; the app role may not.

    DELETE, because TRUNCATE makes the files of all tables and indexes anew: 130 ms against 5. All tables are locked at
    once or none is: who waits for one while holding others deadlocks with what a web process still does for the test
    before. Reading goes on meanwhile.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            shared("write").execute(_emptying())
            return
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@cache
def _emptying() -> str:
    """The statements; sent as one text, they are one transaction."""
    rows = shared("write").execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    # The trail last: deleting from the others writes to it.
    names = sorted({name for (name,) in rows} - {*KEEP}, key=lambda name: (name == AUDIT_TRAIL, name))
    kept = ", ".join(f"'{name}_id_seq'" for name in KEEP)
    return "; ".join([
        f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE NOWAIT",
        "SET CONSTRAINTS ALL DEFERRED",
        *(f"DELETE FROM {name}" for name in names),
        "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences"
        f" WHERE schemaname = 'public' AND last_value IS NOT NULL AND sequencename NOT IN ({kept})",
    ])  # fmt: skip


def advance_clock(seconds: float) -> None:
    """Let the billing clock run ahead by so many seconds more."""
    shared("write").execute(
        "INSERT INTO common_clockoffset (only_row, ahead) VALUES (true, make_interval(secs => %s))"
        " ON CONFLICT (only_row) DO UPDATE SET ahead = common_clockoffset.ahead + EXCLUDED.ahead",
        [seconds],
    )
