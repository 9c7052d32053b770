"""One exception class for each thing a caller does differently.

The names say what happened and stand beside `BillingError` in an `except`; an "Error" at the end of each adds nothing.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from billing_client.problems import FieldError, Problem
from billing_client.values import integer, moment, money, text

Value = TypeVar("Value")


class BillingError(Exception):
    """A call that did not succeed; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def status(self) -> int | None:
        """HTTP status, None when there was no answer."""
        return self.problem.status

    @property
    def code(self) -> str:
        """Stable name of the error, for instance "insufficient_credits"."""
        return self.problem.code

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """What is wrong with which field of the request; empty when the error is about no field."""
        return self.problem.errors

    @property
    def idempotency_key(self) -> str | None:
        """The key the call was sent with."""
        return self.problem.idempotency_key

    @property
    def outcome_unknown(self) -> bool:
        """True when the work may have been done all the same: repeat with the same key to find out."""
        return self.problem.outcome_unknown

    def member(self, name: str, read: Callable[[object], Value]) -> Value | None:
        """A further member of the problem document through `read`, None when it is absent or unreadable."""
        try:
            return read(self.problem.members[name])
        except (KeyError, TypeError, ValueError):
            return None


class InvalidRequest(BillingError):
    """400, 413, 422: the request itself is wrong."""


class Unauthorised(BillingError):
    """401: the API key is missing, wrong, expired or revoked."""


class InsufficientCredits(BillingError):
    """402: the wallet or a budget cannot pay for the smallest call that was asked for."""

    @property
    def available(self) -> Decimal | None:
        """What can still be spent."""
        return self.member("available", money)

    @property
    def required(self) -> Decimal | None:
        """What the call needs at `min_output_tokens`."""
        return self.member("required", money)

    @property
    def affordable_output_tokens(self) -> int | None:
        """The most output tokens that the same call could be authorised with."""
        return self.member("affordable_output_tokens", integer)

    @property
    def limiting_scope(self) -> str | None:
        """What the money is short in: the wallet or a budget."""
        return self.member("limiting_scope", text)

    @property
    def resets_at(self) -> datetime | None:
        """When a budget opens again."""
        return self.member("resets_at", moment)


class Forbidden(BillingError):
    """403: the key lacks a scope, or the organisation is suspended."""


class NotFound(BillingError):
    """404: no such object, or not this organisation's."""


class Conflict(BillingError):
    """409: the idempotency key was used for another request, or the hold has ended already."""


class RateLimited(BillingError):
    """429 until retries or deadline ran out."""


class Unavailable(BillingError):
    """No usable answer until retries or deadline ran out: the outcome is unknown, repeat with `idempotency_key`."""


class UnexpectedAnswer(BillingError):
    """An answer that this client cannot read, for instance a proxy's page."""


_BY_STATUS: dict[int, type[BillingError]] = {
    400: InvalidRequest,
    401: Unauthorised,
    402: InsufficientCredits,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


def error_for(problem: Problem) -> BillingError:
    """The exception that belongs to a problem."""
    status = problem.status or 503
    if status >= 500:
        return Unavailable(problem)
    if status < 400:
        return UnexpectedAnswer(problem)
    return _BY_STATUS.get(status, BillingError)(problem)
