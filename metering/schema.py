"""The OpenAPI description of the API, made from the structs that decode requests and build answers."""

from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from common.problems import all_problems
from metering import answers, requests

_KINDS = [
    requests.Authorise, requests.Progress, requests.Settle, requests.Release,
    answers.Authorisation, answers.ProgressAnswer, answers.SettledReceipt, answers.Receipt, answers.Released,
    answers.Balance, answers.Models,
]  # fmt: skip
_, COMPONENTS = msgspec.json.schema_components(_KINDS, ref_template="#/components/schemas/{name}")
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
ONCE = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, required=True,
    description="1 to 200 visible ASCII characters; the same key with the same request gets the first answer again.",
)  # fmt: skip


def of(
    request: type[Any] | None, status: int, answer: str, *, idempotent: bool = False, errors: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Arguments for `extend_schema`: the request's struct, the answer's name and the problems it may give."""
    always = (401, 403, 503) + ((400, 413, 415, 422) if request else ())
    problems = {(code, "application/problem+json"): _described(code) for code in sorted({*always, *errors})}
    body = {"application/json": _ref(request.__name__)} if request else None
    return {
        "request": body,
        "responses": {(status, "application/json"): _ref(answer), **problems},
        "parameters": [ONCE] if idempotent else [],
    }


def _described(status: int) -> dict[str, Any]:
    codes = [p.code for p in all_problems() if p.status == status]
    return {"allOf": [_ref("Problem")], "description": "code: " + ", ".join(codes)}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def add_components(result: dict[str, Any], generator: AutoSchema, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook after generating: put the structs' own schemas where the operations refer to."""
    result.setdefault("components", {}).setdefault("schemas", {}).update({**COMPONENTS, "Problem": PROBLEM})
    return result
