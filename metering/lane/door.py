"""The lane's entrance: an ASGI application in front of Django's, for four addresses and plain cases only."""

import functools
import hmac
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from common import requests as request_ids
from common.problems import Busy, Problem, Unavailable
from metering import requests, services
from metering.lane import aftermath, coalescer
from metering.lane.database import Ledger
from metering.lane.jobs import Authorise, Elsewhere, Progress, Release, Settle
from organisations import remembered_keys, secrets
from organisations.models import ApiKey

log = structlog.get_logger("lane")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

START = "/api/v1/authorisations"
ROUTE = re.compile(START + r"(?:/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(progress|settle|release))?")
# Larger bodies are read, and large answers of providers normalised, in threads of their own.
LIMIT = 16 * 1024
ONCE = (b"authorization", b"content-type", b"content-length", b"host")


class Gone(Exception):
    """The caller hung up before its request was complete."""


class Lane:
    """Answers what it can and hands the rest to `django` as it came."""

    def __init__(self, django: App) -> None:
        self._django = django
        self._coalescer = coalescer.Coalescer(Ledger().carry_out)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(START):
            return await self._django(scope, receive, send)
        headers = _headers(scope)
        if headers is None:
            return await self._django(scope, receive, send)
        try:
            body = await _read(receive)
        except Gone:
            return None
        try:
            status, answer = await self._answer(scope["path"], headers, body)
        except Elsewhere:
            return await self._django(scope, _again(body, receive), send)
        return await _send(
            send, status, answer, request_ids.id_for(headers.get(b"x-request-id", b"").decode("latin-1"))
        )

    async def _answer(self, path: str, headers: dict[bytes, bytes], body: bytes) -> tuple[int, Any]:
        try:
            job = _job(path, headers, body)
        except Problem:
            raise Elsewhere from None  # said by the one who documents it, after all checks in their order
        try:
            result = await self._coalescer.submit(job)
            status, answer = job.answer(result)
        except coalescer.Busy:
            return Busy.status, Busy()
        except coalescer.Unknown:
            return Unavailable.status, Unavailable()
        except Problem:
            raise Elsewhere from None
        except Elsewhere:
            raise
        except Exception:
            # If it was done, the repetition by key that follows finds it; and it says so in the caller's terms.
            log.exception("a call failed in the fast lane")
            raise Elsewhere from None
        aftermath.note(job.organisation, job.key.pk)
        return status, answer


def _headers(scope: Message) -> dict[bytes, bytes] | None:
    """The request's headers, None where they are not those of a plain call."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    names = [name for name, _ in scope["headers"]]
    needed = ONCE if scope["path"].endswith("/progress") else (*ONCE, b"idempotency-key")
    if any(names.count(name) != 1 for name in needed):
        return None
    length = headers.get(b"content-length", b"")
    plain = (
        length.isdigit()
        and int(length) <= LIMIT
        and headers.get(b"content-type") == b"application/json"
        and headers.keys().isdisjoint((b"content-encoding", b"transfer-encoding", b"cookie", b"expect"))
        and headers.get(b"accept", b"*/*") in (b"*/*", b"application/json")
        and _known_host(headers[b"host"].decode("latin-1"))
        and _secure(scope, headers)
    )
    return headers if plain else None


@functools.lru_cache(maxsize=64)
def _known_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _secure(scope: Message, headers: dict[bytes, bytes]) -> bool:
    if not settings.SECURE_SSL_REDIRECT or scope["scheme"] == "https":
        return True
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode()) == value.encode()


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then what comes after it."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _job(path: str, headers: dict[bytes, bytes], body: bytes) -> Authorise | Progress | Settle | Release:
    """What the request asks for. Raises `Elsewhere` and problems."""
    route = ROUTE.fullmatch(path)
    if route is None:
        raise Elsewhere
    key = _key(headers[b"authorization"].decode("latin-1"))
    hold = uuid.UUID(route[1]) if route[1] else None
    if route[2] == "progress" and hold:
        return Progress(key, hold, requests.decode(requests.Progress, body))
    once = services.Once(
        requests.idempotency_key(headers[b"idempotency-key"].decode("latin-1")),
        requests.fingerprint("POST", path, body),
    )
    if hold is None:
        return Authorise(key, requests.decode(requests.Authorise, body), once)
    if route[2] == "settle":
        return Settle(key, hold, requests.decode(requests.Settle, body), once)
    requests.decode(requests.Release, body)
    return Release(key, hold, once)


def _key(header: str) -> ApiKey:
    """The key that the header presents, if this process has looked it up lately and it may make calls."""
    kind, _, text = header.partition(" ")
    parts = secrets.split(text) if kind.lower() == "bearer" else None
    key = remembered_keys.look_up(parts[0]) if parts else None
    if key is None or parts is None or not hmac.compare_digest(bytes(key.digest), parts[1]):
        raise Elsewhere
    if ApiKey.Scope.CALLS not in key.scopes or key.revoked_at is not None:
        raise Elsewhere
    return key


async def _send(send: Send, status: int, answer: Any, own_id: str) -> None:
    kind, body, more = b"application/json", b"", []
    if isinstance(answer, Problem):
        response = answer.response()
        kind, body = b"application/problem+json", response.content
        if answer.retry_after is not None:
            more = [(b"retry-after", str(answer.retry_after).encode())]
    else:
        body = msgspec.json.encode(answer)
    headers = [
        (b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"), (b"x-request-id", own_id.encode()), *more,
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
