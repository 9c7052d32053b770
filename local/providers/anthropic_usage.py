"""Usage as Anthropic tells it: disjoint input figures, and two events that tell different parts of it."""

from local.providers.calls import Call
from local.providers.usage import Usage

# What the last event tells: cumulative, without the cache's lifetimes, tier and region (SDK, `MessageDeltaUsage`).
_TOLD_LAST = (
    *("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
    *("output_tokens", "output_tokens_details", "server_tool_use"),
)
_TOLD_LAST_ALONE = ("output_tokens_details", "server_tool_use")


def at_start(told: Usage) -> Usage:
    """What the first event knows: the prompt's figures, and that output has begun."""
    known = {key: value for key, value in told.items() if key not in _TOLD_LAST_ALONE}
    return known | {"output_tokens": min(1, told.get("output_tokens", 0))}


def at_end(told: Usage) -> Usage:
    """What the last event tells, all of it cumulative."""
    return {key: told[key] for key in _TOLD_LAST if told.get(key) is not None}


def of_message(call: Call) -> Usage | None:
    """Usage of a whole message: input is what was neither read from the cache nor written to it."""
    tools = call.answer.tools
    used = {"web_search_requests": tools.get("web_search", 0), "web_fetch_requests": tools.get("web_fetch", 0)}
    thought = call.answer.reasoning.tokens
    counted = {
        "input_tokens": call.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": call.answer.output_tokens,
        "output_tokens_details": {"thinking_tokens": thought} if thought else None,
        "server_tool_use": used if any(used.values()) else None,
        "service_tier": call.tier or "standard",
        "inference_geo": "global",
    }
    return call.usage(counted, _totals, _contradict)


def _totals(usage: Usage) -> Usage:
    """Written to the cache is the sum of its lifetimes; where only the sum is scripted, the split is unknown."""
    split = usage["cache_creation"] or {}
    if any(split.values()):
        return {"cache_creation_input_tokens": sum(split.values())}
    return {"cache_creation": None} if usage["cache_creation_input_tokens"] else {}


def _contradict(usage: Usage) -> Usage:
    """More tokens written to the cache for some time than written at all, more thought than said."""
    written = usage.get("cache_creation_input_tokens") or 0
    return {
        "cache_creation": {"ephemeral_5m_input_tokens": written + 100, "ephemeral_1h_input_tokens": 50},
        "output_tokens_details": {"thinking_tokens": usage.get("output_tokens", 0) + 1},
    }
