"""One request, sent again with the same headers and body until there is an answer or the deadline is over."""

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
class Answer:
    """What one attempt brought: an HTTP answer, or `failure` in words."""

    status: int | None = None
    body: bytes = b""
    retry_after: float | None = None
    failure: str = ""
    sent: bool = True

    @property
    def wants_retry(self) -> bool:
        return self.status is None or self.status in RETRIED_STATUSES

    @property
    def leaves_doubt(self) -> bool:
        """True when the server may have done the work and could not say so."""
        return self.sent and (self.status is None or self.status >= 500)


class Transport:
    """Sends requests with the API key and retries them. May be shared by threads."""

    def __init__(self, base_url: str, api_key: str, limits: Limits, max_connections: int) -> None:
        self._limits = limits
        self._http = httpx.Client(
            base_url=_checked_url(base_url),
            headers={"Authorization": f"Bearer {_checked_key(api_key)}", "Accept": "application/json"},
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            # A redirect would carry a POST of money to another place as a GET; it is reported instead.
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None) -> Any:
        """The JSON answer of `method` on `path`. Raises a BillingError for everything else."""
        ends_at = time.monotonic() + self._limits.deadline
        retry, doubt = 0, False
        while True:
            answer = self._attempt(method, path, body, key, ends_at)
            # One attempt in doubt is enough: a later 429 or refused connection says nothing about the earlier one.
            doubt = doubt or (method == "POST" and answer.leaves_doubt)
            wait = self._limits.backoff.wait(retry, random.random(), answer.retry_after)  # noqa: S311 only jitter
            if not answer.wants_retry or self._spent(retry, wait, ends_at):
                return _finish(answer, key, doubt)
            time.sleep(wait)
            retry += 1

    def _spent(self, retry: int, wait: float, ends_at: float) -> bool:
        """True when no further attempt fits: waiting past the deadline would only delay the same error."""
        limit = self._limits.max_retries
        return (limit is not None and retry >= limit) or time.monotonic() + wait >= ends_at

    def _attempt(
        self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None, ends_at: float
    ) -> Answer:
        """One sending; whatever the network does becomes an Answer without a status."""
        headers = {} if key is None else {"Idempotency-Key": key}
        timeout = max(0.001, min(self._limits.timeout, ends_at - time.monotonic()))
        try:
            with self._http.stream(method, path, json=body, headers=headers, timeout=timeout) as response:
                content = _read(response, ends_at)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Answer(failure=_words(error), sent=False)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Answer(failure=_words(error))
        asked = retry_after_seconds(
            response.headers.get("Retry-After"), response.headers.get("Date"), datetime.now(UTC)
        )
        return Answer(response.status_code, content, asked)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _checked_url(base_url: str) -> str:
    """The base URL with one slash at its end. Raises ValueError: retrying a wrong address would wait for nothing."""
    url = httpx.URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"not an http or https address: {base_url!r}")
    return base_url.rstrip("/") + "/"


def _checked_key(api_key: str) -> str:
    """The key, if it can stand in a header. Raises ValueError that does not show the key."""
    if not re.fullmatch(r"[!-~]+", api_key):
        raise ValueError("the API key is empty or has spaces, line ends or other characters no key has")
    return api_key


def _read(response: httpx.Response, ends_at: float) -> bytes:
    """The whole body. The time-out of a socket starts anew with every byte, so the deadline is looked at here too."""
    parts: list[bytes] = []
    for part in response.iter_bytes():
        parts.append(part)
        if time.monotonic() > ends_at:
            raise httpx.ReadTimeout("the answer did not end before the deadline")
    return b"".join(parts)


def _finish(answer: Answer, key: str | None, doubt: bool) -> Any:
    """The JSON of a success, else the exception; `doubt` = the work may have been done without an answer."""
    status = answer.status
    if status is None:
        raise Unavailable(
            Problem(None, "no_answer", "No answer", answer.failure, idempotency_key=key, outcome_unknown=doubt)
        )
    if 200 <= status < 300:
        return _json(answer, key)
    raise error_for(
        read_problem(status, answer.body, retry_after=answer.retry_after, idempotency_key=key, outcome_unknown=doubt)
    )


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
