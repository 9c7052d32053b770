"""How much text an answer holds: a measure of output where the provider has not said what it counted."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

CHARACTERS_PER_TOKEN = 4  # of English text; a guess for calls without usage

_TEXTS = ("content", "text", "arguments", "partial_json", "refusal", "input", "args", "transcript", "code")
_THOUGHTS = ("thinking", "reasoning", "reasoning_content")
_HOLDERS = (
    "choices", "delta", "message", "tool_calls", "function", "custom", "output", "content", "content_block",
    "candidates", "parts", "functionCall", "executableCode", "summary", "audio",
)  # fmt: skip


class Characters(NamedTuple):
    """Characters of what is said (text, arguments of tool calls) and of what is thought."""

    said: int = 0
    thought: int = 0

    def plus(self, other: "Characters") -> "Characters":
        return Characters(self.said + other.said, self.thought + other.thought)


def tokens_of(count: int) -> int:
    """The tokens that so many characters likely are, rounded up."""
    return -(-count // CHARACTERS_PER_TOKEN)


def characters(event: Mapping[str, Any]) -> Characters:
    """Those of an answer, or those that one event of a stream adds."""
    kind = str(event.get("type", ""))
    if kind == "error":
        return Characters()  # its code is no code that a model wrote
    if not kind.startswith("response."):
        return _within(event, thought=False)
    # The Responses API repeats each part whole when it is done; only deltas are new.
    delta = event.get("delta")
    return _as(delta if kind.endswith(".delta") else "", thought=kind.startswith("response.reasoning"))


def _within(value: Any, *, thought: bool) -> Characters:
    if isinstance(value, list):
        return _sum([_within(item, thought=thought) for item in value])
    if not isinstance(value, Mapping):
        return Characters()
    thought = thought or value.get("type") == "reasoning" or value.get("thought") is True
    return _sum([_of(name, item, thought=thought) for name, item in value.items()])


def _of(name: str, item: Any, *, thought: bool) -> Characters:
    if name in _THOUGHTS:
        return _as(item, thought=True)
    if name in ("args", "input") and isinstance(item, Mapping) and item:
        return _as(json.dumps(item, default=str), thought=thought)
    if name in _TEXTS and isinstance(item, str):
        return _as(item, thought=thought)
    return _within(item, thought=thought) if name in _HOLDERS else Characters()


def _as(text: Any, *, thought: bool) -> Characters:
    length = len(text) if isinstance(text, str) else 0
    return Characters(thought=length) if thought else Characters(said=length)


def _sum(parts: list[Characters]) -> Characters:
    return Characters(sum(part.said for part in parts), sum(part.thought for part in parts))
