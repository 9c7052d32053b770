"""What of a provider's answer bills, without prompts and texts; and how much text there was."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

Json = dict[str, Any]

_USAGE = ("usage", "usageMetadata")
_KEPT_WHOLE = (*_USAGE, "tool_usage")
_KEPT = (
    "id", "type", "object", "model", "modelVersion", "responseId", "service_tier", "serviceTier", "status",
    "finish_reason", "finishReason", "role",
)  # fmt: skip
_ENTERED = (
    "response", "message", "item", "output", "content", "content_block", "candidates", "groundingMetadata", "choices",
    "action", "delta", "parts",
)  # fmt: skip
_ENDS = ("message_stop", "response.completed", "response.incomplete", "response.failed", "response.cancelled")
_FAILURES = ("error", "response.failed")


def billable(answer: Mapping[str, Any]) -> Json:
    """The answer or event with nothing but what bills: usage, model, tier, ids, kinds of items, ends."""
    kept: Json = {name: answer[name] for name in _KEPT_WHOLE if isinstance(answer.get(name), Mapping)}
    kept |= {name: answer[name] for name in _KEPT if isinstance(answer.get(name), str)}
    if answer.get("type") == "server_tool_use":
        kept["name"] = answer.get("name")  # of the provider's tool; those of the caller's own stay here
    if "stop_reason" in answer:
        kept["stop_reason"] = answer["stop_reason"]  # null says that the message goes on
    for name in _ENTERED:
        value = answer.get(name)
        if isinstance(value, Mapping):
            kept[name] = billable(value)
        elif isinstance(value, list):
            kept[name] = [billable(item) for item in value if isinstance(item, Mapping)]
    if isinstance(queries := answer.get("webSearchQueries"), list):
        kept["webSearchQueries"] = [_disguised(str(query)) for query in queries]
    return kept


def _disguised(query: str) -> str:
    """Different searches are billed, and not those for nothing; their words are nobody's business."""
    return blake2b(query.encode(), digest_size=8).hexdigest() if query else ""


def usage_of(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The usage an answer or event carries, wherever its provider puts it."""
    for holder in (event, event.get("response"), event.get("message")):
        if isinstance(holder, Mapping):
            for name in _USAGE:
                if isinstance(found := holder.get(name), Mapping):
                    return found
    return None


def ends(event: Mapping[str, Any]) -> bool:
    """Is this an event after which a provider produces nothing more, however many answers were asked for?"""
    if event.get("type") in _ENDS:
        return True
    delta = event.get("delta")
    if isinstance(delta, Mapping) and delta.get("stop_reason"):
        return True
    # A prompt that Gemini refuses has no candidate at all.
    return bool((event.get("promptFeedback") or {}).get("blockReason"))


def fails(event: Mapping[str, Any]) -> bool:
    """Does the provider say that it failed, in an event or in the place of an answer?"""
    holders = [holder for holder in (event, event.get("response")) if isinstance(holder, Mapping)]
    return event.get("type") in _FAILURES or any(holder.get("error") for holder in holders)


def finished_answers(event: Mapping[str, Any]) -> int:
    """How many of the answers that were asked for end with this event."""
    choices = [*(event.get("choices") or ()), *(event.get("candidates") or ())]
    return sum(bool(choice.get("finish_reason") or choice.get("finishReason")) for choice in choices)


def names_a_tool(event: Mapping[str, Any]) -> bool:
    """Does the event say that the provider used one of its own tools?"""
    held = [event.get("item"), event.get("content_block")]
    kinds = [str(item.get("type", "")) for item in held if isinstance(item, Mapping)]
    if any(kind.endswith(("_call", "server_tool_use")) and kind != "function_call" for kind in kinds):
        return True
    return any(candidate.get("groundingMetadata") for candidate in event.get("candidates") or ())
