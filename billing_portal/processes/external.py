"""Servers of the person's own, named by DATABASE_URL and REDIS_URL."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg
import redis

from billing_portal.processes.errors import StartError
from billing_portal.processes.postgres import APP, OWNER

_SECONDS = 5


def check(environment: Mapping[str, str]) -> None:
    """Raise StartError, in words, when a named server does not answer or only half of the pair is named."""
    if "MIGRATION_DATABASE_URL" in environment and "DATABASE_URL" not in environment:
        raise StartError("MIGRATION_DATABASE_URL is set but DATABASE_URL is not: set both, or neither.")
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        if name in environment:
            _connect_postgres(name, environment[name])
    if "REDIS_URL" in environment:
        _connect_redis(environment["REDIS_URL"])


def how_to_migrate(database_url: str) -> str:
    """What to say when the schema is behind and no role that may change it was named."""
    database = urlsplit(database_url).path.lstrip("/") or "portal"
    return f"""The database {database} lacks migrations, and the role in DATABASE_URL may not make them.
Set MIGRATION_DATABASE_URL to the URL of the database's owner.
If the two roles do not exist yet, run as an administrator:

    CREATE ROLE {OWNER} LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD '…';
    CREATE ROLE {APP} LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD '…';
    CREATE DATABASE {database} OWNER {OWNER};
    REVOKE ALL ON DATABASE {database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE {database} TO {APP};

then MIGRATION_DATABASE_URL=postgresql://{OWNER}:…@HOST/{database} and DATABASE_URL=postgresql://{APP}:…@HOST/{database}."""


def _connect_postgres(name: str, url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=_SECONDS).close()
    except psycopg.Error as error:
        raise StartError(f"The database that {name} names does not answer: {str(error).strip()}") from error


def _connect_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise StartError(f"The server that REDIS_URL names does not answer: {error}") from error
