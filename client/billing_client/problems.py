"""RFC 9457 problem documents, read leniently: a broken error document must not hide the error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billing_client.values import parse_json

_STANDARD = frozenset({"type", "title", "status", "code", "detail", "instance", "errors"})


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the request."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a call failed.

    `status` is the HTTP status, None when there was no answer. `members` holds the document's further members, `raw`
    the whole document. `idempotency_key` is the key the call was sent with: sending it again repeats the same call.
    `outcome_unknown` says that the server may have done the work although no answer came.
    """

    status: int | None
    code: str
    title: str
    detail: str = ""
    type: str = "about:blank"
    errors: tuple[FieldError, ...] = ()
    retry_after: float | None = None
    idempotency_key: str | None = None
    outcome_unknown: bool = False
    members: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        start = f"{self.status} {self.code}" if self.status else self.code
        words = f"{start}: {self.detail or self.title}"
        return words + "".join(f"; {error.field}: {error.message}" for error in self.errors)


def read_problem(
    status: int, body: bytes, *, retry_after: float | None, idempotency_key: str | None, outcome_unknown: bool
) -> Problem:
    """The problem an error answer describes; `body` may be anything, also a proxy's HTML page."""
    raw = _document(body)
    return Problem(
        status=status,
        code=_text(raw, "code") or f"http_{status}",
        title=_text(raw, "title") or f"HTTP status {status}",
        detail=_text(raw, "detail"),
        type=_text(raw, "type") or "about:blank",
        errors=_field_errors(raw.get("errors")),
        retry_after=retry_after,
        idempotency_key=idempotency_key,
        outcome_unknown=outcome_unknown,
        members={name: value for name, value in raw.items() if name not in _STANDARD},
        raw=raw,
    )


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found = parse_json(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _field_errors(value: object) -> tuple[FieldError, ...]:
    items = value if isinstance(value, list) else []
    return tuple(FieldError(_text(item, "field"), _text(item, "message")) for item in items if isinstance(item, dict))
