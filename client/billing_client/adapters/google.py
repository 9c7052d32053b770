"""`google.genai.Client` and its `aio`: models.generate_content, also streamed, and chats, which use it.

Everything the SDK does in one call of its own (function calling, continuations) goes out through one object that sends
requests. Metered there, each request is one call with a receipt of its own.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from google.genai import Client
from google.genai.chats import AsyncChats, Chats
from google.genai.client import AsyncClient
from google.genai.models import AsyncModels, Models

from billing_client.adapters.async_metering import AsyncMetering
from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.door import wrong_kind
from billing_client.adapters.metering import Metering
from billing_client.adapters.options import Options
from billing_client.call_errors import NotMetered


class Generate(Dialect):
    """POST …/models/{model}:generateContent and :streamGenerateContent."""

    name: ClassVar[str] = "google"
    blank: ClassVar[dict[str, Any]] = {"candidates": []}

    def __init__(self, path: str) -> None:
        self._model = path.partition(":")[0].rpartition("/")[2]

    def model(self, body: Body) -> str:
        return self._model

    def wanted(self, body: Body) -> int | None:
        each = _config(body).get("maxOutputTokens")
        return each * self.answers(body) if each else None

    def answers(self, body: Body) -> int:
        return _config(body).get("candidateCount") or 1

    def tier(self, body: Body) -> str | None:
        return super().tier({"service_tier": body.get("serviceTier")})

    def clamped(self, body: Body, most: int) -> dict[str, Any]:
        return {**body, "generationConfig": {**_config(body), "maxOutputTokens": most // self.answers(body)}}

    def read(self, answer: Any) -> Any:
        return json.loads(answer.body or "{}")


def _config(body: Body) -> Mapping[str, Any]:
    return body.get("generationConfig") or {}


class _Door:
    """The SDK's object that sends requests, metered."""

    def __init__(self, sdk: Any, metering: Any, options: Options) -> None:
        # The client is kept, since it closes its connections when nobody holds it.
        self._sdk, self._api = sdk, sdk._api_client
        self._metering, self._options = metering, options

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def request(self, method: str, path: str, body: Body, http_options: Any = None) -> Any:
        if (dialect := _choose(method, path)) is None:
            return self._api.request(method, path, body, http_options)
        return self._metering.answer(
            dialect, body, self._options, lambda sent: self._api.request(method, path, sent, http_options)
        )

    def request_streamed(self, method: str, path: str, body: Body, http_options: Any = None) -> Iterator[Any]:
        def send(sent: Body) -> Any:
            return self._api.request_streamed(method, path, sent, http_options)

        yield from self._metering.stream(Generate(path), body, self._options, send)

    async def async_request(self, method: str, path: str, body: Body, http_options: Any = None) -> Any:
        if (dialect := _choose(method, path)) is None:
            return await self._api.async_request(method, path, body, http_options)
        return await self._metering.answer(
            dialect, body, self._options, lambda sent: self._api.async_request(method, path, sent, http_options)
        )

    async def async_request_streamed(
        self, method: str, path: str, body: Body, http_options: Any = None
    ) -> AsyncIterator[Any]:
        def send(sent: Body) -> Any:
            return self._api.async_request_streamed(method, path, sent, http_options)

        stream: AsyncIterator[Any] = await self._metering.stream(Generate(path), body, self._options, send)
        return aiter(stream)


def _choose(method: str, path: str) -> Dialect | None:
    action = urlsplit(path).path.rpartition(":")[2]
    if action == "generateContent":
        return Generate(path)
    if method.lower() == "get" or action in ("countTokens", "computeTokens"):
        return None
    raise NotMetered(f"{method.upper()} {path} is not metered.")


class _Metered:
    """What of the SDK's client is metered; it has nothing else."""

    def __init__(self, sdk: Any, models: Any, chats: Any, options: Options) -> None:
        self._unmetered, self._options = sdk, options
        self.models, self.chats = models, chats

    def __getattr__(self, name: str) -> Any:
        raise NotMetered(f"{name} of the SDK's client is not metered; use that client itself.")


def wrap(sdk: Any, metering: Any, options: Options) -> Any:
    """An object with `models` and `chats` of the client, metered. Raises TypeError for a client of the other kind."""
    known: Options = sdk._options if isinstance(sdk, _Metered) else {}
    sdk, options = (sdk._unmetered if isinstance(sdk, _Metered) else sdk), known | options
    if isinstance(sdk, Client) and isinstance(metering, Metering):
        models = Models(_Door(sdk, metering, options))  # type: ignore[arg-type]
        return _Metered(sdk, models, Chats(models), options)
    if isinstance(sdk, AsyncClient) and isinstance(metering, AsyncMetering):
        waiting = AsyncModels(_Door(sdk, metering, options))  # type: ignore[arg-type]
        return _Metered(sdk, waiting, AsyncChats(waiting), options)
    raise wrong_kind(sdk)
