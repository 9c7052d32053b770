"""What stands in the database beside tables: functions, row-level security, the app role's rights.

Installed by `migrate` after every run, from the code that is deployed: SQL files and the models'
`database_rights` are the source, so a table can't be forgotten. All of it is idempotent and one transaction.
"""

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connections, models, transaction

from common.tenancy import tenant_column

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
FUNCTIONS_OF_APPS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = current_user::regrole AND p.proname ~ %s
"""


def install(alias: str = "owner") -> None:
    """Install functions, policies and rights over the connection of the owner role."""
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        # By name of their app: a function that got other arguments or results would else stand beside the old one.
        cursor.execute(FUNCTIONS_OF_APPS, [f"^({'|'.join(config.label for config in apps.get_app_configs())})_"])
        dropped = [f"DROP FUNCTION {signature}" for (signature,) in cursor.fetchall()]
        for statement in [*dropped, *_functions(), *_walls()]:
            cursor.execute(statement)


def sql_files(*folder: str) -> list[Path]:
    """The .sql files of every app below `sql/…`, lower apps first."""
    return [f for app in apps.get_app_configs() for f in sorted(Path(app.path, "sql", *folder).glob("*.sql"))]


def _functions() -> list[str]:
    return [file.read_text() for file in sql_files()]


def _walls() -> list[str]:
    role = settings.APP_ROLE
    statements = [
        f'GRANT USAGE ON SCHEMA public TO "{role}"',
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"',
        f'GRANT SELECT ON django_migrations TO "{role}"',
    ]
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed or model._meta.proxy:
            continue
        statements += _rights(model, role)
        if column := tenant_column(model):
            statements += _policies(model._meta.db_table, column)
    return statements


def _rights(model: type[models.Model], role: str) -> list[str]:
    """The app role gets what the model says and no more: money rows have no UPDATE or DELETE to give."""
    rights = getattr(model, "database_rights", EVERYTHING)
    table = model._meta.db_table
    return [f'REVOKE ALL ON "{table}" FROM "{role}"', f'GRANT {rights} ON "{table}" TO "{role}"']


def _policies(table: str, column: str) -> list[str]:
    """One policy per command, since a USING shared by all would let the platform's readers delete.

    The sub-selects make PostgreSQL ask once per statement, not once per row.
    """
    own = f"{column} = ANY ((SELECT tenant_organisations())::bigint[])"
    read = f"({own} OR (SELECT platform_scope()) IN ('read', 'write'))"
    write = f"({own} OR (SELECT platform_scope()) = 'write')"
    policies = {
        "SELECT": f"USING {read}",
        "INSERT": f"WITH CHECK {write}",
        "UPDATE": f"USING {write} WITH CHECK {write}",
        "DELETE": f"USING {write}",
    }
    statements = [f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY', f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY']
    for command, rule in policies.items():
        name = f"scope_{command.lower()}"
        statements.append(f'DROP POLICY IF EXISTS {name} ON "{table}"')
        statements.append(f'CREATE POLICY {name} ON "{table}" FOR {command} {rule}')
    return statements
