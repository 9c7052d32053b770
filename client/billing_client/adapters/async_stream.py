"""`MeteredStream` with `await`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, Self

import anyio

from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.options import Options
from billing_client.adapters.refusals import refused, unclear
from billing_client.adapters.stream import REPORT_SECONDS, tell
from billing_client.adapters.tally import Tally
from billing_client.answers import Progress
from billing_client.async_call import LAST_SECONDS, AsyncCall
from billing_client.call_errors import Stopped
from billing_client.errors import BillingError, RateLimited, Unavailable


class AsyncMeteredStream:
    """The SDK's stream: its events, and all else it has. Iterating raises Stopped where the server says stop.

    Ended early (`break`, `close`, a cancelled task), it is settled with what came, as cancelled; cut by the network, as
    failed. After a `break` the event loop does so in its next turns, and closing the billing client waits for it.
    `running`: the streams that the billing client must still end.
    """

    def __init__(
        self,
        stream: Any,
        call: AsyncCall,
        dialect: Dialect,
        body: Body,
        options: Options,
        running: "set[AsyncMeteredStream]",
    ) -> None:
        self._stream, self._call, self._options, self._running = stream, call, options, running
        self._dialect, self._body = dialect, body
        self._tally = dialect.tally(body, options, call)
        self._begun, self._closing, self._closed = False, False, anyio.Event()
        self._events = self._metered()
        running.add(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        # Not the generator itself: this one ends with the loop that uses it, and ends the other on a `break`.
        try:
            async for event in self._events:
                yield event
        finally:
            await self.close()

    async def __anext__(self) -> Any:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the stream; what came of it is settled."""
        if self._closing:
            await self._closed.wait()
            return
        self._closing = True
        try:
            if not self._begun:
                self._begun = True  # a generator that was never begun does not notice its end
                await self._end(GeneratorExit())
            await self._events.aclose()
        finally:
            self._closed.set()

    aclose = close

    async def _metered(self) -> AsyncGenerator[Any, None]:
        self._begun = True
        last: list[Any] = []
        try:
            async for event in self._stream:
                if not await self._take(event):
                    continue
                if self._tally.ended:
                    last.append(event)
                else:
                    yield event
        except BaseException as error:
            await self._end(error)
            raise
        await self._settle(self._tally.status)
        # Held back until now: many stop reading at the last text, and what was counted comes after it.
        for event in last:
            yield event

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
        with anyio.move_on_after(LAST_SECONDS, shield=True) as scope:
            with suppress(Exception):
                await (getattr(self._stream, "aclose", None) or self._stream.close)()
            await self._conclude(error)
        if scope.cancelled_caught:
            tell(error, self._call.complaint())

    async def _conclude(self, error: BaseException) -> None:
        if not self._tally.came and (refused(error) or unclear(error)):
            self._running.discard(self)
            if refused(error):
                self._call.was_refused()
            await self._call.leave(error)
            return
        by_provider = isinstance(error, Exception) and not isinstance(error, BillingError)
        try:
            await self._settle("failed" if by_provider else "cancelled")
        except BillingError as failure:
            tell(error, failure)

    async def _settle(self, status: str) -> None:
        self._running.discard(self)
        try:
            await finish(self._call, self._tally, status, self._options)
        except BillingError as failure:
            raise self._call.complaint() from failure


async def report(call: AsyncCall, tally: Tally) -> Progress | None:
    """Report what has come so far; None where billing can't be reached, which is no reason to stop."""
    try:
        return await call.report(tally.usage, deadline=REPORT_SECONDS)
    except (Unavailable, RateLimited):
        return None


async def finish(call: AsyncCall, tally: Tally, status: str, options: Options) -> None:
    """Settle with what bills; where the provider did not say what it counted, a last report is the server's measure.

    What came to nothing but the provider's error costs nothing.
    """
    if tally.failed and not tally.came:
        await call.release()
        return
    if not tally.counted:
        with suppress(BillingError):
            await report(call, tally)
    receipt = await call.settle(tally.evidence, status=status)
    if "on_receipt" in options:
        options["on_receipt"](receipt)
