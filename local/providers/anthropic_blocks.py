"""What Anthropic's own tools leave in a message: a call and its result for each use."""

from typing import Any

from local.providers.calls import Call

_QUESTIONS: dict[str, dict[str, Any]] = {
    "web_search": {"query": "price of a token"},
    "web_fetch": {"url": "https://page.example/"},
    "code_execution": {"code": "1 + 1"},
}


def of_tools(call: Call) -> list[dict[str, Any]]:
    """Two content blocks for each use of a tool."""
    return [
        block
        for tool, times in call.answer.tools.items()
        for number in range(times)
        for block in _pair(tool, f"srvtoolu_{call.id}_{tool}_{number}")
    ]


def _pair(tool: str, use_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    asked = {"type": "server_tool_use", "id": use_id, "name": tool, "input": _QUESTIONS[tool]}
    return asked, {"type": f"{tool}_tool_result", "tool_use_id": use_id, "content": _result(tool)}


def _result(tool: str) -> Any:
    if tool == "web_search":
        page = {"title": "A page", "url": "https://page.example/", "encrypted_content": "bG9jYWw=", "page_age": None}
        return [{"type": "web_search_result", **page}]
    if tool == "web_fetch":
        source = {"type": "text", "media_type": "text/plain", "data": "A page about prices."}
        document = {"type": "document", "source": source, "title": "A page", "citations": None}
        return {"type": "web_fetch_result", "url": "https://page.example/", "content": document, "retrieved_at": None}
    return {"type": "code_execution_result", "stdout": "2\n", "stderr": "", "return_code": 0, "content": []}
