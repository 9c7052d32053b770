"""One call through each API of the official SDKs, whole or streamed, waited for or awaited; all say the same prompt."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
from billing_client import AsyncBillingClient, BillingClient
from google import genai
from google.genai import types

PROMPT = "What is a ledger?"
MODELS = {"openai": "gpt-5.2", "anthropic": "claude-opus-4-6", "google": "gemini-2.5-pro"}


@dataclass(frozen=True)
class Way:
    """How a call is made: `api`, its `provider`, in events or whole, by which kind of client."""

    api: str
    streamed: bool
    waits: bool

    @property
    def provider(self) -> str:
        return {"chat": "openai", "responses": "openai", "messages": "anthropic", "content": "google"}[self.api]

    def __str__(self) -> str:
        return f"{self.api}-{'events' if self.streamed else 'whole'}-{'sync' if self.waits else 'async'}"


WAYS = [Way(api, streamed, waits) for api in ("chat", "responses", "messages", "content")
        for streamed in (False, True) for waits in (True, False)]  # fmt: skip


@dataclass
class Caller:
    """Calls the local providers at `providers`, billed at `server` with the key `secret`.

    `take` gets each event and says whether to go on reading; `prompt` is what the model is asked.
    """

    server: str
    providers: str
    secret: str
    key: str = "local"
    take: Callable[[Any], bool] = lambda event: True
    prompt: str = PROMPT

    def __call__(self, way: Way, headers: dict[str, str], most: int = 500, **options: Any) -> list[Any]:
        """The answer, or its events; `headers` script it. `options` are those of `wrap`."""
        if way.waits:
            with BillingClient(self.server, self.secret) as billing, self._sdk(way, headers) as sdk:
                return self._waited(way, billing.wrap(sdk, **options), most)
        return asyncio.run(self._awaited(way, headers, most, options))

    def _waited(self, way: Way, sdk: Any, most: int) -> list[Any]:
        answer = start(way, sdk, most, self.prompt)
        if not way.streamed:
            return [answer]
        return list(self._until_enough(answer))

    def _until_enough(self, events: Any) -> Iterator[Any]:
        for event in events:
            yield event
            if not self.take(event):
                break

    async def _awaited(self, way: Way, headers: dict[str, str], most: int, options: Any) -> list[Any]:
        async with AsyncBillingClient(self.server, self.secret) as billing, self._async_sdk(way, headers) as sdk:
            answer = await start(way, billing.wrap(sdk, **options), most, self.prompt)
            if not way.streamed:
                return [answer]
            seen = []
            async for event in answer:
                seen.append(event)
                if not self.take(event):
                    break
            return seen

    def _sdk(self, way: Way, headers: dict[str, str]) -> Any:
        if way.provider == "google":
            return self._google(headers)
        kinds: Any = {"openai": openai.OpenAI, "anthropic": anthropic.Anthropic}
        return kinds[way.provider](**self._access(way, headers))

    def _async_sdk(self, way: Way, headers: dict[str, str]) -> Any:
        if way.provider == "google":
            return self._google(headers).aio
        kinds: Any = {"openai": openai.AsyncOpenAI, "anthropic": anthropic.AsyncAnthropic}
        return kinds[way.provider](**self._access(way, headers))

    def _access(self, way: Way, headers: dict[str, str]) -> dict[str, Any]:
        path = {"openai": "/openai/v1", "anthropic": "/anthropic"}[way.provider]
        access = {"api_key": self.key, "base_url": self.providers + path}
        return access | {"max_retries": 0, "default_headers": headers}

    def _google(self, headers: dict[str, str]) -> genai.Client:
        options = types.HttpOptions(base_url=f"{self.providers}/google", headers=headers)
        return genai.Client(api_key=self.key, http_options=options)


def start(way: Way, sdk: Any, most: int, asked: str) -> Any:
    """The SDK's own call; of an asynchronous client what is to be awaited."""
    model, streamed = MODELS[way.provider], way.streamed
    prompt: Any = [{"role": "user", "content": asked}]
    match way.api:
        case "chat":
            return sdk.chat.completions.create(
                model=model, messages=prompt, max_completion_tokens=most, stream=streamed
            )
        case "responses":
            return sdk.responses.create(model=model, input=prompt, max_output_tokens=most, stream=streamed)
        case "messages":
            return sdk.messages.create(model=model, messages=prompt, max_tokens=most, stream=streamed)
        case _:
            call = sdk.models.generate_content_stream if streamed else sdk.models.generate_content
            return call(model=model, contents=asked, config={"max_output_tokens": most})


def scripted(usage: dict[str, Any] | None = None, fault: str = "", pace: str = "1000", **script: Any) -> dict[str, str]:
    """The headers that tell the local providers what to answer."""
    found = {"x-local-pace": pace, "x-local-script": json.dumps(script)}
    if usage is not None:
        found["x-local-usage"] = json.dumps(usage)
    if fault:
        found["x-local-fault"] = fault
    return found
