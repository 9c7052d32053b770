"""How large the input of a request can be at most, from the request alone."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from billing_client.responses import as_json

# Providers tell a model about its tools in words of their own, up to about 800 tokens.
# https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing
TOOLS_PREAMBLE = 1_000

# Content that costs tokens out of proportion to its bytes, or is not in the request at all.
_PARTS = {
    "image": "image", "image_url": "image", "input_image": "image",
    "input_audio": "audio", "audio": "audio", "video": "video",
    "document": "document", "file": "document", "input_file": "document", "container_upload": "document",
    "item_reference": "item_reference",
}  # fmt: skip
_REFERENCES = (
    "previous_response_id", "conversation", "prompt", "container", "mcp_servers", "web_search_options", "cachedContent",
)  # fmt: skip
_CONTENT = ("messages", "input", "contents", "system", "systemInstruction", "content", "parts", "output")


def input_bound(body: Mapping[str, Any]) -> int:
    """An upper bound of the tokens of a request whose whole input is text.

    A token is at least one byte of UTF-8 in every tokenizer that works on bytes, and the JSON around the text is more
    than what providers put around it.
    """
    size = len(json.dumps(as_json(body), ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
    return size + (TOOLS_PREAMBLE if body.get("tools") else 0)


def drawn_in(body: Mapping[str, Any]) -> set[str]:
    """What a request draws in beside its text: media, references, the provider's own tools."""
    found = {name for name in _REFERENCES if body.get(name)}
    found |= {f"tool {name}" for name in _provider_tools(body.get("tools"))}
    return found | set(_media(body))


def _provider_tools(tools: Any) -> Iterator[str]:
    """Tools that the provider runs itself, whose results become input; functions and custom tools are the caller's."""
    for tool in tools or ():
        if not isinstance(tool, Mapping):
            continue
        if "functionDeclarations" in tool or "function_declarations" in tool:
            yield from (name for name in tool if name not in ("functionDeclarations", "function_declarations"))
        elif "type" not in tool and "name" not in tool:
            yield from tool  # Gemini: {"googleSearch": {}}
        elif tool.get("type") not in (None, "function", "custom", "namespace"):
            yield str(tool["type"])


def _media(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _media(item)
    if not isinstance(value, Mapping):
        return
    for name in ("inlineData", "fileData"):  # Gemini
        if media := value.get(name):
            yield str(media.get("mimeType") or "document").partition("/")[0]
    kind = value.get("type")
    if kind in _PARTS and not _is_text(value):
        yield _PARTS[kind]
    # Only where content can be: an argument of a tool call may have a "type" of its own.
    for name in _CONTENT:
        if kind not in ("tool_use", "server_tool_use"):
            yield from _media(value.get(name))


def _is_text(part: Mapping[str, Any]) -> bool:
    """An Anthropic document that holds its text."""
    source = part.get("source")
    return isinstance(source, Mapping) and source.get("type") == "text"
