"""How much input a request likely has: what a call is charged by whose provider never said what it counted.

The bound that was authorised counts bytes, four times or more of what a tokenizer makes of a text.
"""

import json
from collections.abc import Mapping
from typing import Any

from billing_client.adapters.bounds import drawn_in
from billing_client.adapters.characters import tokens_of
from billing_client.responses import as_json

_TEXTS = ("messages", "input", "instructions", "system", "contents", "systemInstruction")
# Read by the model as JSON, names and all: definitions and schemas; and within texts what tools are called with.
_DEFINITIONS = ("tools", "functions", "response_format", "text")
_ARGUMENTS = ("input", "args", "response")
# Words that stand around a text, and sealed reasoning, which is long and no text.
_LABELS = {
    "type", "role", "id", "call_id", "tool_call_id", "tool_use_id", "status", "cache_control", "mimeType", "media_type",
    "signature", "thoughtSignature", "encrypted_content",
}  # fmt: skip


def likely_input(body: Mapping[str, Any], most: int) -> int | None:
    """Tokens that the texts of a request likely have, at most `most`, which is what was authorised.

    None where the request draws in more than its texts: nobody here knows how much that is.
    """
    if drawn_in(body):
        return None
    asked = as_json(body)
    texts = sum(_characters(asked.get(name)) for name in _TEXTS)
    definitions = sum(_as_json(asked[name]) for name in _DEFINITIONS if asked.get(name))
    return min(tokens_of(texts + definitions), most)


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list | tuple):
        return sum(_characters(item) for item in value)
    if not isinstance(value, Mapping):
        return 0
    return sum(
        _as_json(item) if name in _ARGUMENTS and isinstance(item, Mapping) else _characters(item)
        for name, item in value.items()
        if name not in _LABELS
    )


def _as_json(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":")))
