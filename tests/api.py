"""The API as an agent sees it: one object per key, over Django's test client or a running server."""

import itertools
import json
import time
from typing import Any, Protocol

import httpx
from django.test import Client

from tests.factories import Tenant

_keys = itertools.count(1)


class Answer(Protocol):
    status_code: int

    def json(self) -> Any: ...


class Api:
    """Calls with the key of `tenant`. `base` names a running server; without it the call stays in this process."""

    def __init__(self, tenant: Tenant | None, base: str | None = None, *, secret: str | None = None) -> None:
        self.secret = secret or (tenant.secret if tenant else "")
        self.http = httpx.Client(base_url=base, timeout=30) if base else None
        self.client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        """One request. `body` a str or bytes is sent as it is; `key` is the Idempotency-Key."""
        sent = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json", **headers}
        if key is not None:
            sent["Idempotency-Key"] = key
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        url = f"/api/v1/{path}"
        if self.http is not None:
            return self._over_http(method, url, raw, sent)
        data = raw.encode() if isinstance(raw, str) else raw
        return self.client.generic(method, url, data, content_type=sent.pop("Content-Type"), headers=sent)

    def _over_http(self, method: str, url: str, raw: bytes | str, headers: dict[str, str]) -> Any:
        """As any client does: 503 means busy or unknown, so the same request with the same key is sent again."""
        assert self.http is not None
        deadline = time.monotonic() + 120
        while (answer := self.http.request(method, url, content=raw, headers=headers)).status_code == 503:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.2)
        return answer

    def authorise(self, *, key: str | None = None, **fields: Any) -> Any:
        body = {"provider": "test", "model": "model", "input_tokens": 0, **fields}
        return self.send("POST", "authorisations", body, key=key or f"a{next(_keys)}")

    def progress(self, hold: str, seq: int, **usage: int) -> Any:
        return self.send("POST", f"authorisations/{hold}/progress", {"seq": seq, "usage": usage})

    def settle(self, hold: str, *, key: str | None = None, fields: dict[str, Any] | None = None, **usage: int) -> Any:
        body = {"usage": usage, **(fields or {})}
        return self.send("POST", f"authorisations/{hold}/settle", body, key=key or f"s{next(_keys)}")

    def release(self, hold: str, *, key: str | None = None) -> Any:
        return self.send("POST", f"authorisations/{hold}/release", {}, key=key or f"r{next(_keys)}")

    def get(self, path: str) -> Any:
        return self.send("GET", path, "")
