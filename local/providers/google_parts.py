"""What Gemini's own tools leave in a candidate: parts, and metadata about searches and fetched pages."""

from typing import Any

from local.providers.calls import Call


def of_tools(call: Call) -> list[dict[str, Any]]:
    """The code that was run, with its outcome: two parts a run."""
    run = [
        {"executableCode": {"language": "PYTHON", "code": "1 + 1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
    ]
    return run * call.answer.tools.get("code_execution", 0)


def metadata(call: Call) -> dict[str, Any]:
    """Searches as their queries, fetched pages as their addresses: that is how the API says how many there were."""
    searches, fetches = (call.answer.tools.get(tool, 0) for tool in ("web_search", "web_fetch"))
    found: dict[str, Any] = {}
    if searches:
        queries = [f"price of a token, part {number}" for number in range(1, searches + 1)]
        found["groundingMetadata"] = {"webSearchQueries": queries}
    if fetches:
        pages = [
            {"retrievedUrl": f"https://page-{n}.example/", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"}
            for n in range(1, fetches + 1)
        ]
        found["urlContextMetadata"] = {"urlMetadata": pages}
    return found
