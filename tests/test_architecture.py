"""What the import contracts can't see: foreign keys, SQL, task names, walls around every table, sizes."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import models
from django.urls import get_resolver

from billing_portal.celery import app as celery_app
from common.database import sql_files
from common.tenancy import tenant_column, tenant_models
from tests.metering.figures import rows_of
from tests.test_access import routes
from wallets.models import Transfer

ROOT = Path(settings.BASE_DIR)
# Lowest first. Apps on one line may not know each other.
LAYERS = [
    ["common"], ["organisations"], ["wallets"], ["plans"], ["providers"], ["metering"], ["invoices"], ["analytics"],
    ["billing_portal"],
]  # fmt: skip
LEVEL = {app: level for level, layer in enumerate(LAYERS) for app in layer}
APPS = "|".join(LEVEL)
MONEY_APPS = ("common", "plans", "providers", "wallets", "metering", "invoices", "analytics")
DATABASE = pytest.mark.usefixtures("django_db_setup")


def sources(*suffixes: str) -> list[Path]:
    """Files of the product that git knows or would take, without generated ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = [ROOT / name for name in listed.stdout.splitlines()]
    return [f for f in found if f.suffix in suffixes and f.is_file() and "vendor" not in f.parts]


def own_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in LEVEL]


# --- Directions -----------------------------------------------------------------------------------------------------
def test_the_import_contracts_hold() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_every_app_of_ours_has_its_layer() -> None:
    ours = {config.label for config in apps.get_app_configs() if Path(config.path).parent == ROOT}
    assert ours == set(LEVEL)


@pytest.mark.parametrize("model", own_models(), ids=lambda model: model._meta.label)
def test_foreign_keys_point_downwards(model: type[models.Model]) -> None:
    for field in model._meta.get_fields():
        if isinstance(field, models.ForeignKey | models.ManyToManyField):
            target = field.related_model._meta.app_label  # type: ignore[union-attr]
            assert LEVEL.get(target, -1) <= LEVEL[model._meta.app_label], field


def tables_in(sql: str) -> set[str]:
    """The app prefixes of all tables and functions of ours that a statement names."""
    text = re.sub(r"--[^\n]*|'[^']*'", " ", sql)
    return {found.partition("_")[0] for found in re.findall(rf"\b(?:{APPS})_[a-z_]+\b", text)}


def test_the_parser_of_sql_finds_tables_and_leaves_out_words() -> None:
    found = tables_in("-- metering_call\nSELECT 'plans_plan' FROM wallets_hold h JOIN organisations_agent a ON true")
    assert found == {"wallets", "organisations"}


@pytest.mark.parametrize("file", [*sql_files(), *sql_files("invariants")], ids=lambda f: str(f.relative_to(ROOT)))
def test_sql_names_tables_of_its_own_and_lower_apps_only(file: Path) -> None:
    app = file.relative_to(ROOT).parts[0]
    for named in tables_in(file.read_text()):
        assert LEVEL[named] <= LEVEL[app], f"{file.name} names {named}"
        if app == "wallets":
            assert named == "wallets", "wallets know an amount, a reason and a key"


def test_every_sql_file_is_one_of_an_app() -> None:
    product = {file for file in sources(".sql") if file.relative_to(ROOT).parts[0] != "benchmarks"}  # not installed
    assert product == {*sql_files(), *sql_files("invariants")}


@DATABASE
def test_sql_functions_are_short() -> None:
    found = rows_of(
        "SELECT proname, array_length(string_to_array(trim(both E'\\n' FROM prosrc), E'\\n'), 1) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    )
    assert len(found) > 15
    assert {name: lines for name, lines in found if lines > 60} == {}


def test_scheduled_tasks_exist_and_are_our_own() -> None:
    celery_app.loader.import_default_modules()
    assert settings.CELERY_BEAT_SCHEDULE
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        task = celery_app.tasks[entry["task"]]
        assert task.name.partition(".")[0] in LEVEL
        assert task.run.__module__ == task.name.rpartition(".")[0]


# --- Money ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", own_models(), ids=lambda model: model._meta.label)
def test_no_column_is_a_float_and_money_has_nine_places(model: type[models.Model]) -> None:
    for field in model._meta.concrete_fields:
        assert not isinstance(field, models.FloatField)
        if isinstance(field, models.DecimalField):
            assert (field.max_digits, field.decimal_places) in {(20, 9), (8, 6)}, field  # amounts; a plan's markup


@DATABASE
def test_the_database_has_no_float_column() -> None:
    found = rows_of(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('real', 'double precision', 'money')"
    )
    assert found == []


def floats(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node


# Seconds that progress bars and connections wait.
FLOATS_ALLOWED = (
    "metering/replay",
    "metering/management/",
    "common/logs.py",
    "common/requests.py",
    "common/valkey.py",
    "analytics/simulation.py",
    "metering/lane/aftermath.py",  # seconds, as in the others
    "metering/lane/coalescer.py",
    "organisations/remembered_keys.py",
)


def test_no_float_in_apps_that_handle_money() -> None:
    found = []
    for file in sources(".py"):
        name = str(file.relative_to(ROOT))
        if name.startswith(tuple(f"{app}/" for app in MONEY_APPS)) and not name.startswith(FLOATS_ALLOWED):
            found += [f"{name}:{node.lineno}" for node in floats(ast.parse(file.read_text()))]  # type: ignore[attr-defined]
    assert found == []
    assert len(list(floats(ast.parse("a = 1.5 + float(x) + 2")))) == 2


# --- Walls ----------------------------------------------------------------------------------------------------------
COMMANDS = {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_every_model_of_an_organisation_counts_as_one() -> None:
    named = {m for m in own_models() if any(f.name == "organisation" for f in m._meta.concrete_fields)}
    assert named < set(tenant_models())
    assert len(named) >= 14


@DATABASE
@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_row_level_security_is_forced_with_a_policy_for_each_command(model: type[models.Model]) -> None:
    table, column = model._meta.db_table, tenant_column(model)
    assert rows_of("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", table) == [
        (True, True)
    ]
    found = rows_of(
        "SELECT cmd, permissive, roles::text[], coalesce(qual, ''), coalesce(with_check, '') FROM pg_policies"
        " WHERE schemaname = 'public' AND tablename = %s", table,
    )  # fmt: skip
    assert {command for command, *_ in found} == COMMANDS
    assert len(found) == 4
    for command, permissive, roles, using, check in found:
        assert (permissive, roles) == ("PERMISSIVE", ["public"])
        assert all(column in rule and "tenant_organisations" in rule for rule in (using, check) if rule)
        assert bool(using) == (command != "INSERT")
        assert bool(check) == (command in ("INSERT", "UPDATE"))
        assert "'read'" not in check
        assert "'read'" not in using or command == "SELECT"


UPDATES = {
    "wallets_wallet": {
        "balance", "held", "last_posted_at", "due_at", "absorbed_day", "absorbed_today", "overrun_since",
    },
    "wallets_grant": {"remaining", "owed", "barred_at", "expiry_mailed_at"},
    "wallets_hold": {"amount", "accrued", "state", "ended_by", "ended_at", "expires_at", "budget_periods"},
    "wallets_budget": {"amount", "hard", "alert_percent", "ended_at"},
    "wallets_budgetperiod": {"used", "held", "alerted_at", "mailed_at"},
    "wallets_clawback": {"given_back_at"},
    "metering_call": {"dispatched", "seq", "progress", "reported"},
    "organisations_apikey": {"revoked_at", "revoked_by_id", "last_used_at"},
    "organisations_approval": {"state", "decided_by_id", "decided_at", "decision_reason", "result"},
    **dict.fromkeys(
        ("wallets_adjustment", "wallets_charge", "wallets_overrunclearance", "wallets_terms",
         "wallets_transfer", "wallets_idempotencyrecord", "wallets_verificationrun", "metering_usagerecord",
         "metering_overrunalert", "organisations_auditentry", "providers_rate", "common_clockoffset"), frozenset()
    ),
}  # fmt: skip


@DATABASE
@pytest.mark.parametrize("table", UPDATES)
def test_the_app_role_may_change_only_what_has_to_change(table: str) -> None:
    rights = rows_of(
        "SELECT has_table_privilege(%s, %s, r) FROM unnest(ARRAY['DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) r",
        settings.APP_ROLE, table,
    )  # fmt: skip
    assert rights == [(False,)] * 4
    columns = rows_of(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND has_column_privilege(%s, attrelid, attnum, 'UPDATE')", table, settings.APP_ROLE,
    )  # fmt: skip
    assert {column for (column,) in columns} == UPDATES[table]


@DATABASE
def test_the_app_role_owns_nothing_and_is_nothing_special() -> None:
    assert rows_of(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s",
        settings.APP_ROLE,
    ) == [(False,) * 5]  # fmt: skip
    assert rows_of("SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = %s", settings.APP_ROLE) == []
    assert rows_of("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'portal_owner'") == [(False, False)]


@DATABASE
def test_only_the_audit_trigger_runs_with_the_owners_rights() -> None:
    found = rows_of("SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace")
    assert found == [("audit_change",)]


@DATABASE
def test_constraints_have_readable_names() -> None:
    found = rows_of(
        "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') AND conrelid::regclass::text ~ %s", f"^({APPS})_"
    )  # fmt: skip
    assert len(found) > 40
    unreadable = [
        name for (name,) in found if re.search(r"_[0-9a-f]{8}(_|$)", name) or not re.fullmatch(r"[a-z_]+", name)
    ]
    assert unreadable == []


@DATABASE
def test_every_foreign_key_is_checked_by_the_database() -> None:
    assert rows_of("SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated") == []


# --- The API's description ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def document(tmp_path_factory: Any) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(target))
    loaded: dict[str, Any] = yaml.safe_load(target.read_text())
    return loaded


def test_the_document_covers_every_route_of_the_api(document: dict[str, Any]) -> None:
    named = {
        "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
        for route in routes(get_resolver().url_patterns)
        if route.startswith("api/v1/")
    }
    assert named - {"/api/v1/schema"} == set(document["paths"])


def test_every_operation_says_who_may_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            assert operation["security"] == [{"apiKey": []}]
            assert {"401", "403", "503"} <= set(operation["responses"])
            assert ("requestBody" in operation) == (method == "post")
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references <= set(schemas)


# --- Size -----------------------------------------------------------------------------------------------------------
def test_no_file_is_longer_than_400_lines() -> None:
    # Django writes migrations, and one change of many tables is one migration.
    found = [f for f in sources(".py", ".sql", ".css", ".html", ".js", ".md") if f.parent.name != "migrations"]
    assert len(found) > 100
    long = {str(f.relative_to(ROOT)): n for f in found if (n := len(f.read_text().splitlines())) > 400}
    assert long == {}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    lengths = []
    for file in sources(".py"):
        if not {"tests", "migrations"} & set(file.relative_to(ROOT).parts):
            for function in functions(ast.parse(file.read_text())):
                lines = (function.end_lineno or 0) - function.lineno + 1
                lengths.append(lines)
                assert lines < 50, f"{file}:{function.lineno} {function.name}"
    assert sorted(lengths)[len(lengths) // 2] < 10


def test_nothing_is_left_to_do_in_comments() -> None:
    word = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" * 3 + r"\b"]))
    found = [str(f.relative_to(ROOT)) for f in sources(".py", ".sql", ".html", ".css") if word.search(f.read_text())]
    assert found == []


# --- Documents ------------------------------------------------------------------------------------------------------
@DATABASE
def test_the_ledgers_page_names_every_account_and_every_pair_of_accounts_that_is_let_in() -> None:
    text = (ROOT / "docs" / "ledger.md").read_text()
    for account in Transfer.Account.values:
        assert f"`{account}`" in text
    [(check,)] = rows_of(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'transfer_accounts_of_its_kind'"
    )
    # A correction may have the opposite of whatever it names; all other pairs are in the CHECK.
    let_in = rows_of(
        "SELECT kind, debit, credit FROM unnest(%s::text[]) k (kind), unnest(%s::text[]) d (debit),"
        f" unnest(%s::text[]) c (credit), (SELECT NULL::bigint AS corrects_id) x WHERE {check.removeprefix('CHECK ')}",
        Transfer.Kind.values, Transfer.Account.values, Transfer.Account.values,
    )  # fmt: skip
    told = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(told) == sorted(let_in)


def test_links_between_documents_lead_somewhere() -> None:
    for file in sources(".md"):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", file.read_text()):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(f.name[:4]) for f in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
