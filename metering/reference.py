"""The API reference as pages need it, read out of the OpenAPI document. Pure: a document in, what is written out."""

import json
import shlex
from typing import Any, NamedTuple

KEY = "tb_…"
PARAMETERS = {"hold_id": "The authorisation's id."}  # the path's have no words in the document
_CALL = "0199c0de-0000-7000-8000-000000000001"
_LIMITS = (
    ("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " entries"),
    ("minProperties", "maxProperties", " entries"),
)  # fmt: skip


class Piece(NamedTuple):
    """A part of a type's name; `schema` is what it leads to, "" where it is only words."""

    text: str
    schema: str = ""


class Field(NamedTuple):
    """A field, header or part of the path; `values` are the only ones taken, `default` is JSON."""

    name: str
    type: list[Piece]
    required: bool
    note: str
    limits: list[str]
    values: list[str]
    default: str


class Schema(NamedTuple):
    """An object's fields, or the values of an enumeration."""

    name: str
    note: str
    fields: list[Field]
    values: list[str]


class Errors(NamedTuple):
    """The codes of problems that an operation answers with one status."""

    status: int
    codes: list[str]


class Operation(NamedTuple):
    """A method on an address. `body` and `answer` name schemas, "" where there is none (a stream answers with none)."""

    anchor: str
    method: str
    path: str
    note: str
    scopes: list[str]
    parameters: list[Field]
    body: str
    status: int
    answer: str
    errors: list[Errors]
    curl: str


class Reference(NamedTuple):
    """Everything that the page shows."""

    title: str
    operations: list[Operation]
    schemas: list[Schema]


def read(document: dict[str, Any], site: str) -> Reference:
    """The reference of an OpenAPI 3.1 document, with examples that call `site` (scheme and host)."""
    schemas = document["components"]["schemas"]
    operations = [
        _operation(path, method, operation, schemas, site)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return Reference(document["info"]["title"], operations, [_schema(name, schemas[name]) for name in sorted(schemas)])


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any], site: str) -> Operation:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    wanted = _target(body) if body else ""
    status = next(int(code) for code in operation["responses"] if int(code) < 400)
    answer = operation["responses"][str(status)].get("content", {}).get("application/json", {}).get("schema", {})
    parameters = operation.get("parameters", [])
    return Operation(
        anchor=operation["operationId"], method=method.upper(), path=path, note=operation["description"],
        scopes=operation["x-scopes"], parameters=[_parameter(p) for p in parameters], body=wanted, status=status,
        answer=_target(answer) if answer else "", errors=_errors(operation["responses"]),
        curl=_curl(site + path, method.upper(), parameters, schemas.get(wanted)),
    )  # fmt: skip


def _errors(responses: dict[str, Any]) -> list[Errors]:
    problems = {
        int(code): answer["content"]["application/problem+json"]["schema"]["x-codes"]
        for code, answer in responses.items()
        if int(code) >= 400
    }
    return [Errors(code, problems[code]) for code in sorted(problems)]


def _curl(address: str, method: str, parameters: list[dict[str, Any]], body: dict[str, Any] | None) -> str:
    """The command as one would paste it; a body is the schema's own example."""
    for parameter in parameters:
        if parameter["in"] == "path":
            address = address.replace(f"{{{parameter['name']}}}", _CALL)
    parts = [f"curl {'' if method == 'GET' else f'-X {method} '}{address}", f'-H "Authorization: Bearer {KEY}"']
    parts += [f'-H "{p["name"]}: $(uuidgen)"' for p in parameters if p["in"] == "header"]
    if body is not None:
        parts += ['-H "Content-Type: application/json"', f"-d {shlex.quote(json.dumps(body['examples'][0], indent=2))}"]
    return " \\\n  ".join(parts)


def _schema(name: str, schema: dict[str, Any]) -> Schema:
    required = schema.get("required", [])
    fields = [_field(field, content, field in required) for field, content in schema.get("properties", {}).items()]
    return Schema(name, _text(schema), fields, _values(schema))


def _parameter(parameter: dict[str, Any]) -> Field:
    note = parameter.get("description") or PARAMETERS.get(parameter["name"], "")
    where = {"path": "in the path", "query": "in the query", "header": "header"}[parameter["in"]]
    found = _field(parameter["name"], parameter["schema"], parameter.get("required", False))
    return found._replace(note=note, limits=[where, *found.limits])


def _field(name: str, schema: dict[str, Any], required: bool) -> Field:
    core = _core(schema)
    default = schema.get("default")
    limits = [words for low, high, unit in _LIMITS if (words := _between(core.get(low), core.get(high), unit))]
    shown = "" if default is None else json.dumps(default)
    return Field(name, _type(schema), required, _text(schema), limits, _values(core), shown)


def _between(least: int | None, most: int | None, unit: str) -> str:
    if least is not None and most is not None:
        return f"{least:,} to {most:,}{unit}"
    if least is not None:
        return f"at least {least:,}{unit}"
    return "" if most is None else f"at most {most:,}{unit}"


def _core(schema: dict[str, Any]) -> dict[str, Any]:
    """What limits a value, beside being null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else schema


def _type(schema: dict[str, Any]) -> list[Piece]:
    if "$ref" in schema:
        return [Piece(_target(schema), _target(schema))]
    if choices := schema.get("anyOf") or schema.get("allOf"):
        found = [_type(choice) for choice in choices]
        return [piece for n, kind in enumerate(found) for piece in ([Piece(" or ")] if n else []) + kind]
    kind = schema.get("type", "")
    if kind == "array":
        return [Piece("list of "), *_type(schema["items"])]
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return [Piece("names to "), *_type(schema["additionalProperties"])]
    if schema.get("format"):
        return [Piece(schema["format"].upper())]
    return [Piece(kind or ("one of" if "enum" in schema else "any JSON"))]


def _values(schema: dict[str, Any]) -> list[str]:
    return [str(value) for value in schema.get("enum", [])]


def _text(schema: dict[str, Any]) -> str:
    return " ".join(schema.get("description", "").split())


def _target(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
