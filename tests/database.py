"""The test database as the owner role makes and empties it; the tests themselves run as the app role."""

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings

KEEP = {"django_migrations", "django_content_type"}


def owner() -> psycopg.Connection:
    """A connection of the owner role, for what the product itself may not do."""
    return psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True)


def create() -> None:
    """Drop and make the database, and migrate it as the owner through the product's own command."""
    url = urlsplit(os.environ["MIGRATION_DATABASE_URL"])
    name = url.path.lstrip("/")
    with psycopg.connect(urlunsplit(url._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, cwd=settings.BASE_DIR)


def empty() -> None:
    """Truncate every table; the app role may not."""
    with owner() as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        names = ", ".join(f'"{name}"' for (name,) in rows if name not in KEEP)
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")


def advance_clock(seconds: float) -> None:
    """Let the billing clock run ahead by so many seconds more."""
    with owner() as connection:
        connection.execute(
            "INSERT INTO common_clockoffset (only_row, ahead) VALUES (true, make_interval(secs => %s))"
            " ON CONFLICT (only_row) DO UPDATE SET ahead = common_clockoffset.ahead + EXCLUDED.ahead",
            [seconds],
        )
