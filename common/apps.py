from django.apps import AppConfig
from django.db.backends.signals import connection_created


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        from common import checks  # noqa: F401  (registers the deploy checks)
        from common.tenancy import guard_connection

        connection_created.connect(guard_connection, dispatch_uid="tenancy guard")
