"""What a request's headers make of its answer: scripted text, counts and usage."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from starlette.datastructures import Headers

from local.providers.errors import Kind, Refused

Tool = Literal["web_search", "web_fetch", "file_search", "code_execution"]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_T = TypeVar("_T")


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`x-local-script`. Counts are tokens: `output_tokens` of visible text, `reasoning_tokens` besides; both end at the
    request's own limit. `seed` makes another answer to the same request, `replace_usage` sends `x-local-usage` as it
    is instead of merging it into the computed one."""

    text: str | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None
    service_tier: str | None = None
    model: str | None = None
    tool_calls: dict[Tool, _Count] = {}
    seed: int | None = None
    replace_usage: bool = False


def read(headers: Headers, tools: frozenset[str]) -> Script:
    """The script of a request, empty without one. Raises Refused for nonsense, and for tools other than these."""
    script = _decode(headers, "x-local-script", Script) if "x-local-script" in headers else Script()
    if unknown := set(script.tool_calls) - tools:
        raise Refused(Kind.MALFORMED, f"x-local-script: no such tool here: {', '.join(sorted(unknown))}")
    return script


def read_usage(headers: Headers) -> dict[str, Any]:
    """The usage object of `x-local-usage`, in the provider's own field names. Raises Refused for nonsense."""
    return _decode(headers, "x-local-usage", dict[str, Any]) if "x-local-usage" in headers else {}


def read_pace(headers: Headers) -> float:
    """How many times faster than usual the answer comes. Raises Refused unless it is above 0."""
    try:
        pace = float(headers.get("x-local-pace", "1"))
    except ValueError:
        pace = 0.0
    if not pace > 0:
        raise Refused(Kind.MALFORMED, "x-local-pace must be a number above 0.")
    return pace


def _decode(headers: Headers, name: str, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(headers[name], type=kind)
    except msgspec.DecodeError as error:
        raise Refused(Kind.MALFORMED, f"{name}: {error}") from error
