"""`migrate` as the owner role, then functions, policies and rights."""

from typing import Any

from django.core.management.commands import migrate

from common import database


class Command(migrate.Command):
    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        # The app role may not create tables: the second connection setting does.
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"] or options["app_label"]):
            database.install(options["database"])
