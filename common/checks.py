"""What `check --deploy` asks of a production system beyond Django's own questions."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection
from django.db.utils import DatabaseError


@register(Tags.security, deploy=True)
def no_demo_in_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The demo's settings (plain HTTP cookies, demo logins) must not reach production."""
    return [Error("DEMO is on.", hint="Unset DEMO.", id="portal.E001")] if settings.DEMO else []


@register(Tags.database, deploy=True)
def clock_is_true(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A billing clock that runs ahead would date every transfer wrongly. Asked for with `--database default`."""
    if not databases:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ahead FROM common_clockoffset")
            moved = cursor.fetchone()
    except DatabaseError as error:
        return [Error(f"The billing clock can't be read: {error}", id="portal.E002")]
    return [Error(f"The billing clock runs {moved[0]} ahead.", id="portal.E003")] if moved else []
