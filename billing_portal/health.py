"""Whether this process runs (`/livez`) and whether it can serve (`/readyz`). Nothing about why is told outside."""

import redis
import structlog
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

log = structlog.get_logger("health")


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers as migrated, and the queue answers."""
    found = {"database": _database(), "queue": _queue()}
    return JsonResponse(found, status=200 if all(found.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT billing_now()")
    except Error as error:
        log.warning("database not ready", error=str(error).strip())
        return False
    return True


def _queue() -> bool:
    try:
        return bool(redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1).ping())
    except redis.RedisError as error:
        log.warning("queue not ready", error=str(error))
        return False
