"""The walls inside the database: rights of the app role, row-level security, CHECK and unique constraints."""

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import ProgrammingError, connection, models
from django.test import RequestFactory
from psycopg.errors import CheckViolation, InsufficientPrivilege, UniqueViolation

from common.tenancy import NO_SCOPE, ScopeNotSet, current_scope, platform, tenant, tenant_column, tenant_models
from organisations.middleware import SnapshotMiddleware
from organisations.models import Member, Organisation, User
from tests import cast
from tests.factories import make_user
from tests.metering.figures import one, rows_of

APPEND_ONLY = (
    "wallets_transfer", "metering_usagerecord", "metering_overrunalert", "wallets_idempotencyrecord",
    "organisations_auditentry", "providers_rate", "wallets_verificationrun", "common_clockoffset",
)  # fmt: skip
TENANT_TABLES = [(m, m._meta.db_table, tenant_column(m)) for m in tenant_models()]
by_table = pytest.mark.parametrize(("model", "table", "column"), TENANT_TABLES, ids=[t for _, t, _ in TENANT_TABLES])


@pytest.fixture(scope="module")
def two(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    """Ada's and Ben's organisations. The tests below undo whatever they manage to do."""
    with django_db_blocker.unblock():
        cast.fresh()
        cast.model_for_all()
        people = {role: make_user(f"{role}@platform.example", role) for role in ("finance", "support")}
        built = SimpleNamespace(ada=cast.lived_in("ada"), ben=cast.lived_in("ben"), **people)
        before = cast.contents()
        yield built
        assert cast.contents() == before
        cast.fresh()


pytestmark = pytest.mark.usefixtures("two")


# --- Rights ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_rows_once_written_can_not_be_changed(table: str, statement: str) -> None:
    [(column, *_)] = rows_of("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", table)
    with (
        cast.app(platform="write") as app,
        pytest.raises(InsufficientPrivilege, match=f"permission denied for table {table}"),
    ):
        app.execute(statement.format(table, column, column))


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("wallets_grant", "amount"), ("wallets_grant", "kind"), ("wallets_grant", "granted_at"),
        ("wallets_hold", "terms_id"), ("wallets_terms", "body"), ("wallets_hold", "subjects"),
        ("wallets_hold", "organisation_id"), ("wallets_hold", "authorised_at"),
        ("wallets_budget", "scope"), ("wallets_budget", "target"), ("wallets_budget", "period"),
        ("wallets_budgetperiod", "starts"), ("wallets_adjustment", "amount"), ("wallets_overrunclearance", "reason"),
        ("wallets_clawback", "amount"), ("wallets_charge", "charged"),
        ("wallets_wallet", "organisation_id"), ("metering_call", "input_tokens"), ("metering_call", "model_id"),
        ("organisations_apikey", "scopes"), ("organisations_apikey", "digest"),
        ("organisations_apikey", "expires_at"), ("organisations_apikey", "project_id"),
        ("organisations_approval", "payload"), ("organisations_approval", "asked_by_id"),
        ("organisations_approval", "expires_at"),
    ],
)  # fmt: skip
def test_what_was_agreed_can_not_be_changed(table: str, column: str) -> None:
    with cast.app(platform="write") as app, pytest.raises(InsufficientPrivilege, match="permission denied"):
        app.execute(f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize(
    "table",
    [
        "wallets_wallet",
        "wallets_grant",
        "wallets_hold",
        "metering_call",
        "organisations_user",
        "organisations_apikey",
        "organisations_approval",
    ],
)
def test_money_and_people_can_not_be_deleted(table: str) -> None:
    with cast.app(platform="write") as app, pytest.raises(InsufficientPrivilege, match="permission denied"):
        app.execute(f"DELETE FROM {table}")


def test_the_app_role_can_not_forge_an_audit_entry() -> None:
    with cast.app(platform="write") as app, pytest.raises(InsufficientPrivilege, match="permission denied"):
        app.execute(
            'INSERT INTO organisations_auditentry (at, actor, request, action, "table", "row")'
            " VALUES (now(), 'user:1', '', 'update', 'x', 1)"
        )


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (id int)",
        "ALTER TABLE wallets_transfer DISABLE ROW LEVEL SECURITY",
        "DROP POLICY scope_select ON wallets_transfer",
        "ALTER TABLE wallets_wallet DROP CONSTRAINT wallet_held_within_balance",
        "GRANT UPDATE ON wallets_transfer TO portal_app",
        "SET ROLE portal_owner",
        "CREATE OR REPLACE FUNCTION billing_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    ],
)  # fmt: skip
def test_the_app_role_can_not_take_the_walls_down(statement: str) -> None:
    # A GRANT without the right to give it only warns; what counts is that nothing was granted.
    with cast.app() as app, pytest.raises(InsufficientPrivilege):
        app.execute(f"{statement}; UPDATE wallets_transfer SET amount = amount")


# --- Row-level security ---------------------------------------------------------------------------------------------
@by_table
def test_without_a_scope_there_are_no_rows(model: type[models.Model], table: str, column: str) -> None:
    assert one(f"SELECT count(*) > 0 FROM {table}") == (True,)
    with cast.app() as app:
        assert app.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    with pytest.raises(ScopeNotSet, match=table):
        model._default_manager.exists()


@by_table
def test_a_tenant_sees_its_own_rows_and_all_of_them(
    two: SimpleNamespace, model: type[models.Model], table: str, column: str
) -> None:
    expected = one(f"SELECT count(*) FROM {table} WHERE {column} = %s", two.ada.id)[0]
    assert expected > 0
    with cast.app(two.ada.id) as app:
        assert app.execute(f"SELECT {column}, count(*) FROM {table} GROUP BY 1").fetchall() == [(two.ada.id, expected)]
    with tenant(two.ada.id):
        assert model._default_manager.count() == expected


@by_table
def test_a_tenant_can_not_write_a_row_for_another(two: SimpleNamespace, model: Any, table: str, column: str) -> None:
    row = cast.row_of(table, two.ben.id)
    names = cast.columns_of(table)
    with cast.app(two.ada.id) as app, pytest.raises((InsufficientPrivilege, CheckViolation)) as refused:
        app.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)", [row]
        )
    walls = "row-level security", "is not of organisation", "permission denied for table organisations_auditentry"
    assert any(wall in str(refused.value) for wall in walls), refused.value


@by_table
def test_a_tenant_can_not_change_or_delete_rows_of_another(
    two: SimpleNamespace, model: Any, table: str, column: str
) -> None:
    own = one(f"SELECT count(*) FROM {table} WHERE {column} = %s", two.ada.id)[0]
    changeable = rows_of(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND has_column_privilege(%s, attrelid, attnum, 'UPDATE')", table, "portal_app",
    )  # fmt: skip
    with cast.app(two.ada.id) as app:
        if changeable:
            name = f'"{changeable[-1][0]}"'
            assert app.execute(f"UPDATE {table} SET {name} = {name}").rowcount == own
        if one("SELECT has_table_privilege('portal_app', %s, 'DELETE')", table)[0]:
            assert app.execute(f"DELETE FROM {table} WHERE {column} = %s", [two.ben.id]).rowcount == 0
        if (column,) in changeable:
            with pytest.raises(
                (InsufficientPrivilege, CheckViolation), match=r"row-level security|is not of organisation"
            ):
                app.execute(f"UPDATE {table} SET {column} = %s", [two.ben.id])


def test_the_platforms_readers_can_not_write(two: SimpleNamespace) -> None:
    with platform("read"):
        assert Organisation.objects.count() == 2
        assert Organisation.objects.update(name="changed") == 0
        assert Member.objects.all()._raw_delete("default") == 0
    with pytest.raises(ProgrammingError, match="row-level security"), platform("read"):
        Organisation.objects.create(name="New", slug="new", email="new@example.com")


def test_the_platforms_writers_can(two: SimpleNamespace) -> None:
    class Undo(Exception):
        pass

    with pytest.raises(Undo), platform("write"):  # noqa: PT012
        assert Organisation.objects.update(name="changed") == 2
        Organisation.objects.create(name="New", slug="new", email="new@example.com")
        assert Member.objects.all()._raw_delete("default") == 2
        raise Undo


def _settings() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.organisations', true), current_setting('app.platform', true)")
        found = cursor.fetchone()
    return found[0] or "", found[1] or ""


def test_an_inner_scope_ends_where_it_ends(two: SimpleNamespace) -> None:
    ada, ben = two.ada.id, two.ben.id
    with tenant(ada):
        with platform("write"):
            assert _settings() == ("{}", "write")
            with tenant(ben):
                assert list(Organisation.objects.values_list("pk", flat=True)) == [ben]
            assert Organisation.objects.count() == 2
        assert list(Organisation.objects.values_list("pk", flat=True)) == [ada]
        assert _settings() == (f"{{{ada}}}", "")
    assert current_scope() == NO_SCOPE
    assert _settings() == ("", "")


def test_an_inner_scope_ends_with_an_error_too(two: SimpleNamespace) -> None:
    with tenant(two.ada.id):
        with pytest.raises(ProgrammingError), platform("write"):
            connection.cursor().execute("SELECT no_such_column FROM wallets_wallet")
        with pytest.raises(ValueError, match="ours"), tenant(two.ben.id):
            raise ValueError("ours")
        assert list(Organisation.objects.values_list("pk", flat=True)) == [two.ada.id]
    with pytest.raises(ValueError, match="ours"), tenant(two.ben.id):
        raise ValueError("ours")
    assert (current_scope(), _settings()) == (NO_SCOPE, ("", ""))


def test_a_snapshot_can_not_write(two: SimpleNamespace) -> None:
    with pytest.raises(Exception, match="read-only transaction"), platform("write", snapshot=True):
        Organisation.objects.update(name="changed")


def _through_the_admin(user: User, method: str) -> int:
    """How many organisations a view of the admin can change when `user` asks for it by `method`."""
    changed = []

    def view(request: Any) -> Any:
        changed.append(Organisation.objects.update(name="changed"))
        return SimpleNamespace(status_code=400)  # has the transaction undone

    request = RequestFactory().generic(method, "/admin/organisations/organisation/")
    request.user = user
    SnapshotMiddleware(view)(request)
    return changed[0]


def test_supports_posts_reach_a_database_that_does_not_write(two: SimpleNamespace) -> None:
    assert _through_the_admin(two.finance, "POST") == 2
    for user, method in ((two.support, "POST"), (two.finance, "GET")):
        with pytest.raises(Exception, match="read-only transaction"):
            _through_the_admin(user, method)


# --- Constraints ----------------------------------------------------------------------------------------------------
COPY = (
    "INSERT INTO {0} (<{0}>) SELECT <{0}> FROM"
    " (SELECT (jsonb_populate_record(NULL::{0}, to_jsonb(t) || '{1}')).* FROM {0} t LIMIT 1) one"
)
RUN = (
    "INSERT INTO wallets_verificationrun (id, started_at, milliseconds, checks, violations, unfinished, examined,"
    " scope, details) VALUES (99, now(), {}, 'hot', '[]')"
)
VIOLATIONS = {
    "wallet_held_not_negative": "UPDATE wallets_wallet SET held = -0.000000001",
    "wallet_held_within_balance": "UPDATE wallets_wallet SET held = balance + 0.000000001",
    "grant_once_per_key": COPY.format("wallets_grant", '{"id": 99}'),
    "grant_kind": "ALTER TABLE wallets_grant DROP CONSTRAINT grant_included_has_period;"  # it would refuse first
    " UPDATE wallets_grant SET kind = 'free'",
    "grant_amount_positive": "UPDATE wallets_grant SET amount = 0, remaining = 0",
    "grant_remaining_within_amount": "UPDATE wallets_grant SET remaining = amount + 0.000000001",
    "grant_has_reason": "UPDATE wallets_grant SET reason = ''",
    "grant_expires_later": "UPDATE wallets_grant SET expires_at = granted_at",
    "grant_included_has_period": "UPDATE wallets_grant SET kind = 'included', expires_at = now() + interval '1 day'",
    "grant_rollover_outlives_it": "UPDATE wallets_grant SET kind = 'included', period_start = now(),"
    " expires_at = now() + interval '1 day', rollover_cap = 1, rollover_expires_at = now() + interval '1 day'",
    "grant_owed_is_barred": "UPDATE wallets_grant SET barred_at = NULL",
    "grant_owed_within_amount": "UPDATE wallets_grant SET owed = amount + 0.000000001, barred_at = now()",
    "claw_back_once_per_key": COPY.format("wallets_clawback", '{"id": 99}'),
    "claw_back_not_negative": "UPDATE wallets_clawback SET amount = -0.000000001",
    "adjustment_once_per_key": COPY.format("wallets_adjustment", '{"id": 99, "undoes_id": null}'),
    "adjustment_not_zero": "UPDATE wallets_adjustment SET amount = 0",
    "adjustment_has_reason": "UPDATE wallets_adjustment SET reason = ''",
    "wallets_adjustment_undoes_id_key": "UPDATE wallets_adjustment SET undoes_id = 1",
    "clearance_has_reason": "UPDATE wallets_overrunclearance SET reason = ''",
    "wallet_absorbed_not_negative": "UPDATE wallets_wallet SET absorbed_today = -0.000000001",
    "budget_not_negative": "UPDATE wallets_budget SET amount = -0.000000001",
    "budget_alert_percent": "UPDATE wallets_budget SET alert_percent = 101",
    "wallets_budget_alert_percent_check": "ALTER TABLE wallets_budget DROP CONSTRAINT budget_alert_percent;"
    " UPDATE wallets_budget SET alert_percent = -1",
    "budget_names_its_target": "UPDATE wallets_budget SET target = '1'",
    "budget_period_once": COPY.format("wallets_budgetperiod", '{"id": 99}'),
    "budget_period_not_negative": "UPDATE wallets_budgetperiod SET used = -0.000000001",
    "charge_within_cost": "UPDATE wallets_charge SET charged = cost + 0.000000001",
    "hold_amount_not_negative": "ALTER TABLE wallets_hold DROP CONSTRAINT hold_accrued_within;"  # it would refuse first
    " UPDATE wallets_hold SET amount = -0.000000001, accrued = 0",
    "hold_accrued_within": "UPDATE wallets_hold SET accrued = amount + 0.000000001",
    "hold_ends_once": "UPDATE wallets_hold SET state = 'open' WHERE state = 'settled'",
    "transfer_amount_positive": "UPDATE wallets_transfer SET amount = 0",
    "transfer_between_two_accounts": "ALTER TABLE wallets_transfer DROP CONSTRAINT transfer_accounts_of_its_kind;"
    " UPDATE wallets_transfer SET debit = credit",
    "transfer_balance_not_negative": "UPDATE wallets_transfer SET balance_after = -0.000000001",
    "transfer_accounts_of_its_kind": "UPDATE wallets_transfer SET debit = 'cash_clearing' WHERE kind = 'usage'",
    "transfer_names_its_cause": "UPDATE wallets_transfer SET grant_id = NULL WHERE kind = 'grant'",
    "transfer_only_corrections_correct": "UPDATE wallets_transfer SET corrects_id = id WHERE kind = 'usage'",
    "idempotency_key_once": COPY.format("wallets_idempotencyrecord", '{"id": 99}'),
    "wallets_verificationrun_milliseconds_check": RUN.format("-1, 1, 1, 0, 0"),
    "wallets_verificationrun_checks_check": RUN.format("1, -1, 1, 0, 0"),
    "wallets_verificationrun_violations_check": RUN.format("1, 1, -1, 0, 0"),
    "wallets_verificationrun_unfinished_check": RUN.format("1, 1, 1, -1, 0"),
    "wallets_verificationrun_examined_check": RUN.format("1, 1, 1, 0, -1"),
    "call_input_not_negative": "UPDATE metering_call SET input_tokens = -1",
    "metering_usagerecord_revision_check": "UPDATE metering_usagerecord SET revision = -1",
    "usage_once_per_revision": COPY.format("metering_usagerecord", '{"id": "00000000-0000-0000-0000-000000000001"}'),
    "usage_cost_is_paid_or_absorbed": "UPDATE metering_usagerecord SET charge = charge + 0.000000001",
    "usage_not_negative": "UPDATE metering_usagerecord SET list_cost = -0.000000001",
    "daily_usage_once": COPY.format("metering_dailyusage", '{"id": 99}'),
    "usage_of_a_call_or_intake": "UPDATE metering_usagerecord u SET terms_id = h.terms_id FROM wallets_hold h",
    "overrun_absorbed_positive": "UPDATE metering_overrunalert SET absorbed = 0",
    "metering_overrunalert_usage_id_key": COPY.format("metering_overrunalert", '{"id": 99}'),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_constraint_refuses_what_breaks_it(name: str) -> None:
    statement = re.sub("<(.*?)>", lambda table: cast.columns_of(table[1]), VIOLATIONS[name])
    with cast.owner() as owner, pytest.raises((CheckViolation, UniqueViolation)) as refused:
        owner.execute(statement)  # type: ignore[arg-type]
    assert refused.value.diag.constraint_name == name


# Unique only where a condition holds: an index, not a constraint.
ONCE = {
    "budget_once_per_subject": COPY.format("wallets_budget", '{"id": 99}'),
    "grant_included_once_per_period": "UPDATE wallets_grant SET kind = 'included', expires_at = '2050-01-01',"
    " period_start = '2026-01-01'",
}


@pytest.mark.parametrize("name", ONCE)
def test_there_is_one_at_a_time(name: str) -> None:
    statement = re.sub("<(.*?)>", lambda table: cast.columns_of(table[1]), ONCE[name])
    with cast.owner() as owner, pytest.raises(UniqueViolation) as refused:
        owner.execute(statement)  # type: ignore[arg-type]
    assert refused.value.diag.constraint_name == name


def test_every_constraint_on_money_is_tried() -> None:
    found = rows_of(
        "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u')"
        " AND conrelid::regclass::text ~ '^(wallets|metering)_'"
    )
    assert {name for (name,) in found} == set(VIOLATIONS)
    indexes = rows_of(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indpred IS NOT NULL"
        " AND indrelid::regclass::text ~ '^(wallets|metering)_'"
    )
    assert {name for (name,) in indexes} == set(ONCE)
