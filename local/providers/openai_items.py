"""The items in the output of an OpenAI response: reasoning, calls of hosted tools, the message."""

from typing import Any

from local.providers.calls import Call


def reasoning(call: Call) -> dict[str, Any]:
    """An item that says there was reasoning, without it."""
    return {"id": f"rs_{call.id}", "type": "reasoning", "summary": []}


def message(call: Call, text: str, status: str) -> dict[str, Any]:
    """The message with the visible text."""
    return {
        "id": f"msg_{call.id}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [text_part(text)],
    }


def text_part(text: str) -> dict[str, Any]:
    """A part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def of_tools(call: Call) -> list[dict[str, Any]]:
    """One item for each call of a hosted tool: that is how the API says how many there were."""
    return [
        {"id": f"{_PREFIXES[tool]}_{call.id}_{number}", "status": "completed", **_CALLS[tool]}
        for tool, times in call.answer.tools.items()
        for number in range(times)
    ]


_PREFIXES = {"web_search": "ws", "file_search": "fs", "code_execution": "ci"}
_CALLS: dict[str, dict[str, Any]] = {
    "web_search": {"type": "web_search_call", "action": {"type": "search", "query": "price of a token"}},
    "file_search": {"type": "file_search_call", "queries": ["price of a token"], "results": None},
    "code_execution": {"type": "code_interpreter_call", "code": "1 + 1", "container_id": "cntr_local", "outputs": None},
}
