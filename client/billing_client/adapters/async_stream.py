"""`MeteredStream` with `await`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, Self

import anyio

from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.refusals import refused
from billing_client.adapters.stream import REPORT_SECONDS
from billing_client.adapters.tally import Tally
from billing_client.answers import Progress
from billing_client.async_call import LAST_SECONDS, AsyncCall
from billing_client.call_errors import Stopped
from billing_client.errors import BillingError, RateLimited, Unavailable
from billing_client.receipts import Receipt


class AsyncMeteredStream:
    """The SDK's stream: its events, and all else it has. Iterating raises Stopped where the server says stop.

    Ended early (`break`, `close`, a cancelled task), it is settled with what came, as cancelled; cut by the network, as
    failed. After a `break` the event loop does so in its next turns.
    """

    def __init__(self, stream: Any, call: AsyncCall, dialect: Dialect, body: Body, tally: Tally) -> None:
        self._stream, self._call, self._tally = stream, call, tally
        self._dialect, self._body = dialect, body
        self._begun = False
        self._events = self._metered()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        # Not the generator itself: this one ends with the loop that uses it, and ends the other on a `break`.
        try:
            async for event in self._events:
                yield event
        finally:
            await self._events.aclose()

    async def __anext__(self) -> Any:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the stream; what came of it is settled."""
        if not self._begun:
            self._begun = True  # a generator that was never begun does not notice its end
            await self._end(GeneratorExit())
        await self._events.aclose()

    aclose = close

    async def _metered(self) -> AsyncGenerator[Any, None]:
        self._begun = True
        try:
            async for event in self._stream:
                if await self._take(event):
                    yield event
        except BaseException as error:
            await self._end(error)
            raise
        await self._settle("completed" if self._tally.ended else "failed")

    async def _take(self, event: Any) -> bool:
        """Note an event and report if it is time; True for one that the caller gets. Raises Stopped."""
        seen = self._dialect.read(event)
        self._tally.add(seen)
        if self._tally.report_is_due() and (progress := await report(self._call, self._tally)) and progress.stop:
            raise Stopped(progress)
        return not self._dialect.hides(self._body, seen)

    async def _end(self, error: BaseException) -> None:
        """The stream did not come to its end: because of the provider, or because nobody wants more of it."""
        # Shielded: a task that was cancelled still owes the settlement.
        with anyio.move_on_after(LAST_SECONDS, shield=True):
            close = getattr(self._stream, "aclose", None) or getattr(self._stream, "close", None)
            if close:
                await close()
            if refused(error) and not self._tally.events:
                self._call.was_refused()
                await self._call.leave(error)
                return
            by_provider = isinstance(error, Exception) and not isinstance(error, BillingError)
            try:
                await self._settle("failed" if by_provider else "cancelled")
            except BillingError as failure:
                if isinstance(error, GeneratorExit):
                    raise  # nobody sees the notes of this one
                error.add_note(str(failure))
            return
        error.add_note(str(self._call.complaint()))

    async def _settle(self, status: str) -> None:
        try:
            await finish(self._call, self._tally, status)
        except BillingError as failure:
            raise self._call.complaint() from failure


async def report(call: AsyncCall, tally: Tally) -> Progress | None:
    """Report what has come so far; None where billing can't be reached, which is no reason to stop."""
    try:
        return await call.report(tally.usage, deadline=REPORT_SECONDS)
    except (Unavailable, RateLimited):
        return None


async def finish(call: AsyncCall, tally: Tally, status: str) -> Receipt:
    """Settle with what bills; where the provider did not say what it counted, a last report is the server's measure."""
    if not tally.counted:
        with suppress(BillingError):
            await report(call, tally)
    return await call.settle(tally.evidence, status=status)
