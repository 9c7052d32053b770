"""Whose rows this piece of work may see: set for one transaction, enforced by row-level security in PostgreSQL.

`tenant(organisation)` and `platform("read" | "write")` open a short transaction and set the scope locally to it.
Without a scope PostgreSQL shows no row of a tenant's table, and Python raises before it even asks: an empty
answer is safe, but it would hide the mistake.
"""

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from django.apps import apps
from django.db import connection, models, transaction

from common.requests import request_id


@dataclass(frozen=True)
class Scope:
    organisations: tuple[int, ...] = ()
    platform: Literal["", "read", "write"] = ""


NO_SCOPE = Scope()
_scope: ContextVar[Scope] = ContextVar("scope", default=NO_SCOPE)
_actor: ContextVar[str] = ContextVar("actor", default="system")


class ScopeNotSet(RuntimeError):
    """A tenant's table was asked for with no organisation and no platform scope set."""


def current_scope() -> Scope:
    """The scope that this piece of work runs in (`NO_SCOPE` outside of any)."""
    return _scope.get()


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Name who acts ("user:5", "key:7", "system"); the audit trail records it for every change inside."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


@contextmanager
def tenant(*organisation_ids: int, snapshot: bool = False) -> Iterator[None]:
    """A transaction that sees these organisations' rows only."""
    with _entered(Scope(organisations=organisation_ids), snapshot):
        yield


@contextmanager
def platform(right: Literal["read", "write"], *, snapshot: bool = False) -> Iterator[None]:
    """A transaction that sees every organisation: for staff, tasks and the two look-ups before a tenant is known."""
    with _entered(Scope(platform=right), snapshot):
        yield


@contextmanager
def signed() -> Iterator[None]:
    """A transaction that sees no organisation's rows, but tells the audit trail who acts."""
    with _entered(NO_SCOPE, snapshot=False):
        yield


@contextmanager
def _entered(scope: Scope, snapshot: bool) -> Iterator[None]:
    nested = connection.in_atomic_block
    with transaction.atomic():
        if snapshot:
            _freeze()
        _tell_database(scope)
        before, token = _scope.get(), _scope.set(scope)
        try:
            yield
        finally:
            _scope.reset(token)
        # Reached without an error only. An outer transaction goes on with its own scope; after an error the rollback
        # to the savepoint has put the old setting back already, and the end of a transaction forgets it.
        if nested:
            _tell_database(before)


def _freeze() -> None:
    """Every figure on a page comes from one moment; a page can't write."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _tell_database(scope: Scope) -> None:
    ids = "{" + ",".join(str(int(i)) for i in scope.organisations) + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.organisations', %s, true), set_config('app.platform', %s, true),"
            " set_config('app.actor', %s, true), set_config('app.request', %s, true)",
            [ids, scope.platform, _actor.get(), request_id()],
        )


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows belong to one organisation, the organisation itself included."""
    return [m for m in apps.get_models() if tenant_column(m)]


def tenant_column(model: type[models.Model]) -> str:
    """The column that names the row's organisation, "" where the table is no tenant's."""
    if model._meta.label == "organisations.Organisation":
        return "id"
    return next((f.column for f in model._meta.concrete_fields if f.column == "organisation_id"), "")


@functools.cache
def _tenant_tables() -> re.Pattern[str]:
    names = sorted((m._meta.db_table for m in tenant_models()), key=len, reverse=True)
    return re.compile('"(' + "|".join(names) + ')"')


def _refuse_without_scope(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    if _scope.get() == NO_SCOPE and (table := _tenant_tables().search(str(sql))):
        raise ScopeNotSet(f"{table[1]} was asked for outside of tenant() and platform().")
    return execute(sql, params, many, context)


def guard_connection(connection: Any, **kwargs: Any) -> None:
    """Put the guard on each new connection of the app role (the owner's migrations see whole tables)."""
    if connection.alias == "default" and _refuse_without_scope not in connection.execute_wrappers:
        connection.execute_wrappers.append(_refuse_without_scope)
