"""The lists of models, each in its provider's shape and with its paging; no provider's list has prices."""

from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from local.providers import catalogue
from local.providers.anthropic_messages import check_version
from local.providers.catalogue import Model
from local.providers.errors import Kind, Refused
from local.providers.reception import Arrival


async def openai_list(arrival: Arrival) -> Response:
    """All at once: OpenAI does not page."""
    return _done(arrival, {"object": "list", "data": [_openai(model) for model in catalogue.MODELS["openai"]]})


async def openai_one(arrival: Arrival) -> Response:
    """One model."""
    return _done(arrival, _openai(catalogue.find("openai", arrival.request.path_params["model"])))


async def anthropic_list(arrival: Arrival) -> Response:
    """A page of `limit`, after `after_id` or before `before_id`."""
    check_version(arrival)
    ids = [model.snapshot for model in catalogue.MODELS["anthropic"]]
    query = arrival.request.query_params
    limit = _number(query.get("limit", "20"), 1000)
    start, end = 0, len(ids)
    if after := query.get("after_id"):
        start = _position(ids, after) + 1
    if before := query.get("before_id"):
        end = _position(ids, before)
        start = max(0, end - limit)
    page = catalogue.MODELS["anthropic"][start : min(end, start + limit)]
    more = start > 0 if query.get("before_id") else start + len(page) < end
    first, last = (page[0].snapshot, page[-1].snapshot) if page else (None, None)
    listed = [_anthropic(model) for model in page]
    return _done(arrival, {"data": listed, "has_more": more, "first_id": first, "last_id": last})


async def anthropic_one(arrival: Arrival) -> Response:
    """One model."""
    check_version(arrival)
    return _done(arrival, _anthropic(catalogue.find("anthropic", arrival.request.path_params["model"])))


async def google_list(arrival: Arrival) -> Response:
    """A page of `pageSize`; its token is the position of the next one."""
    query = arrival.request.query_params
    size, start = _number(query.get("pageSize", "50"), 1000), _number(query.get("pageToken", "0"), 1000)
    models = catalogue.MODELS["google"]
    body: dict[str, Any] = {"models": [_google(model) for model in models[start : start + size]]}
    return _done(arrival, body | ({"nextPageToken": str(start + size)} if start + size < len(models) else {}))


async def google_one(arrival: Arrival) -> Response:
    """One model."""
    return _done(arrival, _google(catalogue.find("google", arrival.request.path_params["model"])))


def _done(arrival: Arrival, body: dict[str, Any]) -> Response:
    arrival.entry.ended = "complete"
    return JSONResponse(body)


def _number(text: str, most: int) -> int:
    if not text.isdigit() or int(text) > most:
        raise Refused(Kind.MALFORMED, f"{text!r} is no number up to {most}.")
    return int(text)


def _position(ids: list[str], wanted: str) -> int:
    if wanted not in ids:
        raise Refused(Kind.MALFORMED, f"No model {wanted!r} to page from.")
    return ids.index(wanted)


def _released(model: Model) -> datetime:
    return datetime.fromisoformat(model.released).replace(tzinfo=UTC)


def _openai(model: Model) -> dict[str, Any]:
    return {"id": model.id, "object": "model", "created": int(_released(model).timestamp()), "owned_by": "system"}


def _anthropic(model: Model) -> dict[str, Any]:
    return {
        "id": model.snapshot,
        "type": "model",
        "display_name": model.name,
        "created_at": _released(model).isoformat(),
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": model.id.split("-")[1],
        "max_input_tokens": model.max_input,
        "max_tokens": model.max_output,
        "capabilities": _CAPABILITIES,
    }


def _supported(*names: str) -> dict[str, Any]:
    return {"supported": True, **{name: {"supported": True} for name in names}}


_CAPABILITIES = {
    **{name: _supported() for name in ("batch", "citations", "code_execution", "image_input", "pdf_input")},
    "structured_outputs": _supported(),
    "context_management": _supported("clear_tool_uses_20250919"),
    "effort": _supported("low", "medium", "high", "max"),
    "server_tools": _supported("code_execution", "web_search"),
    "thinking": {"supported": True, "types": _supported("adaptive", "enabled") | {"supported": True}},
}


def _google(model: Model) -> dict[str, Any]:
    return {
        "name": f"models/{model.id}",
        "version": "001",
        "displayName": model.name,
        "description": f"{model.name}, played by a local process.",
        "inputTokenLimit": model.max_input,
        "outputTokenLimit": model.max_output,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1.0,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2.0,
        "thinking": model.thinks,
    }
