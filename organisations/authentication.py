"""API keys over HTTP: who is calling, and may they. Functions first, so that every door asks the same."""

import hmac
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from organisations import last_used, remembered_keys, secrets
from organisations.errors import MissingScope, Suspended, Unauthenticated
from organisations.models import ApiKey
from organisations.selectors import find_api_key, is_in_force


def key_of(header: str, *, ended_too: bool = False) -> ApiKey:
    """The API key that an `Authorization` header presents.

    `ended_too`: also a revoked or expired key, which may still settle what it opened. Raises `Unauthenticated`.
    """
    kind, _, text = header.partition(" ")
    parts = secrets.split(text) if kind.lower() == "bearer" else None
    key = find_api_key(parts[0]) if parts else None
    # Constant time, so that the time of an answer says nothing about how much of a guess was right.
    if key is None or parts is None or not hmac.compare_digest(bytes(key.digest), parts[1]):
        raise Unauthenticated()
    if not (ended_too or is_in_force(key)):
        raise Unauthenticated("The key is revoked or has expired.")
    remembered_keys.keep(parts[0], key)
    return key


def require(key: ApiKey, *any_of: str) -> None:
    """Raise `MissingScope` unless the key has one of the scopes."""
    if not set(any_of) & set(key.scopes):
        raise MissingScope(f"This needs a key with the scope {' or '.join(any_of)}.", scope=any_of[0])


def require_active(key: ApiKey) -> None:
    """Raise `Suspended` for a suspended organisation."""
    if key.organisation.suspended_at is not None:
        raise Suspended()


class ApiKeyAuthentication(BaseAuthentication):
    """Puts the key into `request.auth`. A view with `ended_keys_too` takes revoked keys: it ends what they began."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        view = (request.parser_context or {}).get("view")
        key = key_of(request.headers.get("Authorization", ""), ended_too=getattr(view, "ended_keys_too", False))
        last_used.note(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class HasApiKey(BasePermission):
    """One of the view's `scopes`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        require(view.key, *view.scopes)
        return True


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped there
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tb_<prefix>_<secret>"}
