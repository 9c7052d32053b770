"""Sends requests, again and again with the same headers and body, until there is an answer or the deadline is over."""

import time
from typing import Any

import anyio
import httpx

from billing_client.attempts import LOST, Answer, Attempts, Limits, Request, checked_headers, checked_url


class Transport:
    """Sends requests with the API key and retries them. May be shared by threads."""

    def __init__(self, base_url: str, api_key: str, limits: Limits, max_connections: int) -> None:
        self._limits = limits
        self._http = httpx.Client(
            base_url=checked_url(base_url),
            headers=checked_headers(api_key),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            # A redirect would carry a POST of money to another place as a GET; it is reported instead.
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, request: Request) -> Any:
        """The JSON answer to a request. Raises a BillingError for everything else."""
        attempts = Attempts(request, self._limits)
        while (wait := attempts.wait_after(answer := self._attempt(attempts))) is not None:
            time.sleep(wait)
        return attempts.result(answer)

    def _attempt(self, attempts: Attempts) -> Answer:
        """One sending; whatever the network does becomes an Answer without a status."""
        sent, parts = attempts.request, []
        options: Any = {"json": sent.body, "headers": sent.headers, "timeout": attempts.timeout}
        try:
            with self._http.stream(sent.method, sent.path, **options) as response:
                for part in response.iter_bytes():
                    parts.append(part)
                    attempts.check()
        except LOST as error:
            return Answer.lost(error)
        return Answer.read(response, b"".join(parts))


class AsyncTransport:
    """Sends requests with the API key and retries them. May be shared by the tasks of one event loop."""

    def __init__(self, base_url: str, api_key: str, limits: Limits, max_connections: int) -> None:
        self._limits = limits
        self._http = httpx.AsyncClient(
            base_url=checked_url(base_url),
            headers=checked_headers(api_key),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            follow_redirects=False,  # as above
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, request: Request) -> Any:
        """The JSON answer to a request. Raises a BillingError for everything else."""
        attempts = Attempts(request, self._limits)
        while (wait := attempts.wait_after(answer := await self._attempt(attempts))) is not None:
            await anyio.sleep(wait)
        return attempts.result(answer)

    async def _attempt(self, attempts: Attempts) -> Answer:
        """One sending; whatever the network does becomes an Answer without a status."""
        sent, parts = attempts.request, []
        options: Any = {"json": sent.body, "headers": sent.headers, "timeout": attempts.timeout}
        try:
            async with self._http.stream(sent.method, sent.path, **options) as response:
                async for part in response.aiter_bytes():
                    parts.append(part)
                    attempts.check()
        except LOST as error:
            return Answer.lost(error)
        return Answer.read(response, b"".join(parts))
