"""`anthropic.Anthropic` and `anthropic.AsyncAnthropic`: messages."""

import json
from typing import Any, ClassVar

from anthropic import Anthropic, AsyncAnthropic

from billing_client.adapters.async_metering import AsyncMetering
from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.door import behind_door, wrong_kind
from billing_client.adapters.options import Options
from billing_client.call_errors import NotMetered
from billing_client.responses import as_json

_FREE = ("/v1/messages/count_tokens", "/v1/files", "/v1/skills")


class Messages(Dialect):
    """POST /v1/messages."""

    name: ClassVar[str] = "anthropic"
    blank: ClassVar[dict[str, Any]] = {"type": "ping"}

    def wanted(self, body: Body) -> int | None:
        return body.get("max_tokens")

    def least(self, body: Body) -> int:
        """More than the thinking budget, or the provider refuses."""
        thinking = body.get("thinking") or {}
        return (thinking.get("budget_tokens") or 0) + 1

    def leaves(self, body: Body) -> tuple[str, ...]:
        """Nothing is cached unless the request says where; what is written may be read, too."""
        words = json.dumps(as_json(body), default=str)
        if '"cache_control"' not in words:
            return ("input",)
        return ("input", "cache_read", "cache_write_1h" if '"1h"' in words else "cache_write_5m")

    def tier(self, body: Body) -> str | None:
        return "fast" if body.get("speed") == "fast" else super().tier(body)

    def clamped(self, body: Body, most: int) -> dict[str, Any]:
        return {**body, "max_tokens": most}


def _choose(path: str, body: Body) -> Dialect | None:
    if path == "/v1/messages":
        return Messages()
    if path.startswith(_FREE) or path.endswith("/cancel"):
        return None
    raise NotMetered(f"POST {path} is not metered.")


def wrap(sdk: Any, metering: Any, options: Options) -> Any:
    """The client with its calls metered. Raises TypeError where one of the two clients waits and the other does not."""
    if isinstance(sdk, AsyncAnthropic if isinstance(metering, AsyncMetering) else Anthropic):
        return behind_door(sdk, metering, options, _choose)
    raise wrong_kind(sdk)
