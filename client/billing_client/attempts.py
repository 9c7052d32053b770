"""One request and its retries, without the sending: what to send how long, when to send again, what came of it."""

import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from billing_client.errors import Unavailable, UnexpectedAnswer, error_for
from billing_client.problems import Problem, read_problem
from billing_client.retries import RETRIED_STATUSES, Backoff, retry_after_seconds
from billing_client.values import parse_json

# What an attempt may raise; of the first it is certain that the server has seen nothing.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LOST = (httpx.TransportError, httpx.DecodingError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to try.

    `timeout` is for connecting and for each wait within one attempt, `deadline` for the whole call with its retries,
    both in seconds. `max_retries` None means that the deadline alone decides.
    """

    timeout: float
    deadline: float
    max_retries: int | None
    backoff: Backoff


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, the same in every attempt. `deadline`: seconds, where less than the client's is enough."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    key: str | None
    deadline: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.key is None else {"Idempotency-Key": self.key}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt brought: an HTTP answer, or `failure` in words."""

    status: int | None = None
    body: bytes = b""
    retry_after: float | None = None
    failure: str = ""
    sent: bool = True

    @classmethod
    def read(cls, response: httpx.Response, body: bytes) -> "Answer":
        """The HTTP answer whose `body` was read."""
        headers = response.headers
        asked = retry_after_seconds(headers.get("Retry-After"), headers.get("Date"), datetime.now(UTC))
        return cls(response.status_code, body, asked)

    @classmethod
    def lost(cls, error: Exception) -> "Answer":
        """Whatever the network did instead."""
        return cls(failure=f"{type(error).__name__}: {error}", sent=not isinstance(error, NEVER_SENT))

    @property
    def wants_retry(self) -> bool:
        return self.status is None or self.status in RETRIED_STATUSES

    @property
    def leaves_doubt(self) -> bool:
        """True when the server may have done the work and could not say so."""
        return self.sent and (self.status is None or self.status >= 500)


class Attempts:
    """The attempts at one request: `timeout` for the next one, `wait_after` each, `result` of the last."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request = request
        self._limits = limits
        self._ends_at = time.monotonic() + min(limits.deadline, request.deadline or limits.deadline)
        self._retry, self._doubt = 0, False

    @property
    def timeout(self) -> float:
        """Seconds that the next attempt may wait, each time it waits."""
        return max(0.001, min(self._limits.timeout, self._ends_at - time.monotonic()))

    def check(self) -> None:
        """Called for each part of an answer. A socket's time-out starts anew with every byte; the deadline does not."""
        if time.monotonic() > self._ends_at:
            raise httpx.ReadTimeout("the answer did not end before the deadline")

    def wait_after(self, answer: Answer) -> float | None:
        """Seconds to wait before the next attempt; None when `answer` is the last."""
        # One attempt in doubt is enough: a later 429 or refused connection says nothing about the earlier one.
        self._doubt = self._doubt or (self.request.method == "POST" and answer.leaves_doubt)
        wait = self._limits.backoff.wait(self._retry, random.random(), answer.retry_after)  # noqa: S311 only jitter
        if not answer.wants_retry or self._spent(wait):
            return None
        self._retry += 1
        return wait

    def _spent(self, wait: float) -> bool:
        """True when no further attempt fits: waiting past the deadline would only delay the same error."""
        limit = self._limits.max_retries
        return (limit is not None and self._retry >= limit) or time.monotonic() + wait >= self._ends_at

    def result(self, answer: Answer) -> Any:
        """The JSON of a success. Raises the `BillingError` for everything else."""
        key, status = self.request.key, answer.status
        if status is None:
            raise Unavailable(
                Problem(
                    None, "no_answer", "No answer", answer.failure, idempotency_key=key, outcome_unknown=self._doubt
                )
            )
        if 200 <= status < 300:
            return _json(answer, key)
        raise error_for(
            read_problem(
                status, answer.body, retry_after=answer.retry_after, idempotency_key=key, outcome_unknown=self._doubt
            )
        )


def checked_url(base_url: str) -> str:
    """The base URL with one slash at its end. Raises ValueError: retrying a wrong address would wait for nothing."""
    url = httpx.URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"not an http or https address: {base_url!r}")
    return base_url.rstrip("/") + "/"


def checked_headers(api_key: str) -> dict[str, str]:
    """The headers of every request. Raises ValueError, without showing it, for a key that cannot stand in one."""
    if not re.fullmatch(r"[!-~]+", api_key):
        raise ValueError("the API key is empty or has spaces, line ends or other characters no key has")
    return {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}


def _json(answer: Answer, key: str | None) -> Any:
    try:
        return parse_json(answer.body)
    except (ValueError, RecursionError) as error:
        raise unreadable(str(error), key) from error


def unreadable(words: str, key: str | None) -> UnexpectedAnswer:
    """The exception for a success whose content cannot be read: the work was done, what came of it is not known."""
    return UnexpectedAnswer(
        Problem(None, "unreadable_answer", "Unreadable answer", words, idempotency_key=key, outcome_unknown=True)
    )
