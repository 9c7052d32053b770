"""`openai.OpenAI` and `openai.AsyncOpenAI`: chat completions and responses."""

from typing import Any, ClassVar

from openai import AsyncOpenAI, OpenAI

from billing_client.adapters.async_metering import AsyncMetering
from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.door import behind_door, wrong_kind
from billing_client.adapters.options import Options
from billing_client.call_errors import NotMetered

_FREE = ("/responses/input_tokens", "/moderations", "/files", "/uploads", "/conversations")


class Chat(Dialect):
    """POST /chat/completions. `max_tokens` is the older name of `max_completion_tokens`."""

    name: ClassVar[str] = "openai"
    blank: ClassVar[dict[str, Any]] = {"object": "chat.completion.chunk"}

    def wanted(self, body: Body) -> int | None:
        each = body.get("max_completion_tokens") or body.get("max_tokens")
        return each * self.answers(body) if each else None

    def answers(self, body: Body) -> int:
        return body.get("n") or 1

    def leaves(self, body: Body) -> tuple[str, ...]:
        return ("input", "cache_read", "cache_write")

    def clamped(self, body: Body, most: int) -> dict[str, Any]:
        given = [field for field in ("max_tokens", "max_completion_tokens") if body.get(field)]
        sent = {**body, **dict.fromkeys(given or ["max_completion_tokens"], most // self.answers(body))}
        if body.get("stream"):
            # Without it a streamed completion says nothing about its usage.
            sent["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        return sent

    def hides(self, body: Body, event: Body) -> bool:
        """The last chunk, which has usage and no choice, comes only to those who asked for it."""
        asked = (body.get("stream_options") or {}).get("include_usage")
        return not asked and not event.get("choices") and bool(event.get("usage"))


class Responses(Dialect):
    """POST /responses."""

    name: ClassVar[str] = "openai"
    blank: ClassVar[dict[str, Any]] = {"type": "response.created"}

    def wanted(self, body: Body) -> int | None:
        return body.get("max_output_tokens")

    def least(self, body: Body) -> int:
        return 16  # https://platform.openai.com/docs/api-reference/responses/create#max_output_tokens

    def leaves(self, body: Body) -> tuple[str, ...]:
        return ("input", "cache_read", "cache_write")

    def clamped(self, body: Body, most: int) -> dict[str, Any]:
        return {**body, "max_output_tokens": most}


def _choose(path: str, body: Body) -> Dialect | None:
    if path == "/chat/completions":
        return Chat()
    if path == "/responses" and not body.get("background"):
        return Responses()
    if path.startswith(_FREE) or path.endswith("/cancel"):
        return None
    raise NotMetered(f"POST {path}{' in the background' if body.get('background') else ''} is not metered.")


def wrap(sdk: Any, metering: Any, options: Options) -> Any:
    """The client with its calls metered. Raises TypeError where one of the two clients waits and the other does not."""
    if isinstance(sdk, AsyncOpenAI if isinstance(metering, AsyncMetering) else OpenAI):
        return behind_door(sdk, metering, options, _choose)
    raise wrong_kind(sdk)
