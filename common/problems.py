"""Errors as RFC 9457 problem documents. Each app declares its own `Problem` classes; one page explains them all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse, JsonResponse


class Problem(Exception):
    """An answer that says why nothing was done. `members` are extra fields of the document, money as plain strings."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    meaning: ClassVar[str]  # for the page: when it comes
    remedy: ClassVar[str]  # for the page: what the caller does now
    retry_after: ClassVar[int | None] = None
    example: ClassVar[Mapping[str, Any]] = {}  # for the page: a `detail` and `members` as they come

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.members = members

    def document(self) -> dict[str, Any]:
        """The problem document, ready for JSON."""
        head = {
            "type": f"{settings.SITE_URL}/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        return head | ({"detail": self.detail} if self.detail else {}) | self.members

    def response(self) -> HttpResponse:
        """The document as an HTTP answer."""
        answer = JsonResponse(self.document(), status=self.status, content_type="application/problem+json")
        if self.retry_after is not None:
            answer.headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            answer.headers["WWW-Authenticate"] = 'Bearer realm="api"'
        return answer


class Malformed(Problem):
    status, code, title = 400, "malformed", "The request can't be read"
    meaning = "The body is not valid JSON in UTF-8, or a header the call needs is missing or not usable."
    remedy = "Mend the request; sending it again unchanged gives the same answer."
    example = {"detail": "An Idempotency-Key header of 1 to 200 visible ASCII characters is required."}


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "This is not yours to do"
    meaning = "You are signed in, but your role doesn't include this."
    remedy = "Ask somebody whose role includes it: an owner or admin of the organisation."


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is no such thing here"
    meaning = "The address or the id is unknown, or it belongs to somebody else; the two look the same on purpose."
    remedy = "Check the id and which organisation, project and agent the API key belongs to."


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This address doesn't take that method"
    meaning = "The address exists, but not for this HTTP method."
    remedy = "See the API reference at /api/reference/ for what it takes."
    example = {"detail": 'Method "PUT" not allowed.'}


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The body is too large"
    meaning = "A request body may have at most 64 KiB, that of a settlement 1 MiB."
    remedy = "Send less: usage figures and labels, no prompts; of a provider's answer its usage object is enough."


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "The body must be JSON"
    meaning = "The Content-Type of the request is not application/json, or the body is compressed."
    remedy = "Send plain JSON and say so in Content-Type."


class InvalidFields(Problem):
    status, code, title = 422, "invalid_fields", "A field has a value that can't be used"
    meaning = "A field is missing, unknown, of the wrong type or out of range. `errors` names each."
    remedy = "Mend the fields named in `errors`."
    example = {
        "detail": "Expected `int` >= 0 - at `$.input_tokens`",
        "errors": [{"field": "input_tokens", "message": "Expected `int` >= 0 - at `$.input_tokens`"}],
    }


class ServerError(Problem):
    status, code, title = 500, "server_error", "The server failed"
    meaning = "An error on our side, which is logged under the request id. A repeated call with the same key is safe."
    remedy = "Repeat with the same Idempotency-Key; if it stays, report the X-Request-Id."


class Busy(Problem):
    status, code, title = 503, "busy", "Too many calls wait"
    meaning = "More calls of this organisation wait than the server carries out in time. Nothing was done."
    remedy = "Wait for Retry-After, then repeat with the same Idempotency-Key."
    retry_after = 1


class Unavailable(Problem):
    status, code, title = 503, "unavailable", "The ledger can't be reached at the moment"
    meaning = "The database is restarting or too busy. Whether the call was recorded is not known."
    remedy = "Wait for Retry-After, then repeat with the same Idempotency-Key: it is carried out at most once."
    retry_after = 1


def all_problems() -> list[type[Problem]]:
    """Every kind of problem the product knows, by status and code."""

    def below(cls: type[Problem]) -> list[type[Problem]]:
        return [found for sub in cls.__subclasses__() for found in ([sub] if "code" in vars(sub) else []) + below(sub)]

    return sorted(below(Problem), key=lambda p: (p.status, p.code))
