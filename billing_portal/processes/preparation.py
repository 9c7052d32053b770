"""What must be done to the database before the product may run, in one process: starting Django twice costs seconds.

`python -m billing_portal.processes.preparation LOGINS AGENTS` says on its standard output what it does; the demo's
logins go to the first file, its agents' API keys to the second, the rest to the standard error, which is a log.
"""

import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

from billing_portal.processes.console import step

# An exit code that Python itself does not use: the schema lacks migrations and no owner role was named.
SCHEMA_IS_BEHIND = 3


def main(logins: Path, agents: Path) -> None:
    """Migrate (or only compare, without the owner's URL), load the demo unless DEMO=0, and hand over its agents' keys
    unless SIMULATION=0."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_portal.settings")
    may_migrate = "MIGRATION_DATABASE_URL" in os.environ
    with step("Migrating the database" if may_migrate else "Comparing the database's schema"):
        django.setup()
        _migrate() if may_migrate else _compare()
    logins.write_text("")
    demo = os.environ["DEMO"] != "0"
    if demo:
        with step("Loading the demo data"), logins.open("w") as file:
            call_command("load_demo", stdout=file)
    if demo and settings.SIMULATION:
        call_command("issue_agent_keys", str(agents), stdout=sys.stderr)
    else:
        agents.unlink(missing_ok=True)


def _migrate() -> None:
    call_command("migrate", interactive=False, stdout=sys.stderr)


def _compare() -> None:
    try:
        call_command("migrate", check_unapplied=True, stdout=sys.stderr)
    except SystemExit:
        sys.exit(SCHEMA_IS_BEHIND)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
