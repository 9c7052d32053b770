"""Every page in one transaction with the right scope; see `SnapshotMiddleware`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from common.tenancy import acting_as, platform, signed
from organisations.models import User

# They bring their own scope (API), or need none.
OUTSIDE = (
    "/api/",
    "/static/",
    "/accounts/",
    "/livez",
    "/readyz",
    "/problems",
    "/admin/logout/",
    "/admin/password_change/",
)
# New passwords: no organisation's rows, but the audit trail shall say who set them.
PASSWORDS = ("/accounts/password/reset/key/", "/accounts/password/change/", "/admin/password_change/")


class SnapshotMiddleware:
    """Innermost, so that rendering is inside, too.

    A GET page runs in one READ ONLY REPEATABLE READ transaction: all its figures are of one moment. A POST to the
    admin runs in one transaction of its own, which a refused form or an error undoes. The user is loaded before: a
    session that has to be flushed while it loads would fail inside a read-only transaction.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.path_info.startswith(PASSWORDS):
            who = f"user:{request.user.pk}" if request.user.is_authenticated else "reset link"
            with acting_as(who), signed():
                return self.get_response(request)
        if request.path_info.startswith(OUTSIDE) or not request.user.is_authenticated:
            return self.get_response(request)
        with acting_as(f"user:{request.user.pk}"), _scope(request, request.user):
            response = self.get_response(request)
            if response.status_code >= 400 and transaction.get_connection().in_atomic_block:
                transaction.set_rollback(True)
        return response


@contextmanager
def _scope(request: HttpRequest, user: User) -> Iterator[None]:
    reading = request.method in ("GET", "HEAD", "OPTIONS")
    if request.path_info.startswith("/admin/") and user.is_staff:
        # Support's POSTs are read-only, too: the database refuses what a view might forget to.
        look = reading or not user.writes_money
        with platform("read" if look else "write", snapshot=look):
            yield
    else:
        # A customer's page: its view enters `tenant(…, snapshot=True)` once it knows the membership.
        yield
