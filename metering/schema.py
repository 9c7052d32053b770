"""The OpenAPI description of the API, made from the structs that decode requests and build answers."""

import functools
from itertools import groupby
from typing import Any

import msgspec
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from common.problems import (
    InvalidFields,
    Malformed,
    Problem,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from metering import answers, requests
from metering.field_notes import EXAMPLES, note
from organisations.errors import MissingScope, Unauthenticated

_KINDS = [
    requests.Authorise, requests.Progress, requests.Settle, requests.Release, requests.RunBudget,
    answers.Authorisation, answers.ProgressAnswer, answers.SettledReceipt, answers.Receipt, answers.Released,
    answers.Balance, answers.Models, answers.UsageSums, answers.Budget, answers.Budgets, answers.Limits,
]  # fmt: skip
PROBLEM = {
    "title": "Problem",
    "description": "Why nothing was done, as RFC 9457 has it. Some kinds add members of their own.",
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


class ApiSchema(AutoSchema):
    """Adds which scopes of an API key an operation takes."""

    def get_extensions(self) -> dict[str, Any]:
        scopes = getattr(self.view, "scopes", ())
        return {"x-scopes": [str(scope) for scope in scopes]}


def of(
    request: type[Any] | None,
    status: int,
    answer: str,
    *,
    idempotent: bool = False,
    errors: tuple[type[Problem], ...] = (),
    query: tuple[OpenApiParameter, ...] = (),
) -> dict[str, Any]:
    """Arguments for `extend_schema`: the request's struct, the answer's name and the problems it may give.

    `errors` are those of this operation alone: what any caller may meet is added.
    """
    always: list[type[Problem]] = [Unauthenticated, MissingScope, Unavailable]
    if request:
        always += [Malformed, TooLarge, UnsupportedMediaType, InvalidFields]
    kinds = sorted({*always, *errors}, key=lambda kind: (kind.status, kind.code))
    problems = {
        (code, "application/problem+json"): _described([kind.code for kind in group])
        for code, group in groupby(kinds, key=lambda kind: kind.status)
    }
    return {
        "request": {"application/json": _ref(request.__name__)} if request else None,
        "responses": {(status, "application/json"): _ref(answer), **problems},
        "parameters": [*([ONCE] if idempotent else []), *query],
    }


def _described(codes: list[str]) -> dict[str, Any]:
    return {"allOf": [_ref("Problem")], "description": "code: " + ", ".join(codes), "x-codes": codes}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _components() -> dict[str, Any]:
    _, found = msgspec.json.schema_components(_KINDS, ref_template="#/components/schemas/{name}")
    found["Problem"] = PROBLEM
    for struct, schema in found.items():
        for name, field in schema.get("properties", {}).items():
            if (words := note(struct, name)) and "description" not in field:
                field["description"] = words
        if struct in EXAMPLES:
            schema["examples"] = [EXAMPLES[struct]]
    return found


COMPONENTS = _components()


def add_components(result: dict[str, Any], generator: AutoSchema, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook after generating: put the structs' own schemas where the operations refer to."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(COMPONENTS)
    return result


@functools.cache
def document() -> dict[str, Any]:
    """The whole description, made once in each process: it follows from the code alone."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made
