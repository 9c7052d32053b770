"""A provider's stream that reports while it runs and is settled when it ends, however it ends."""

from collections.abc import Generator
from contextlib import suppress
from typing import Any, Self

from billing_client.adapters.dialects import Body, Dialect
from billing_client.adapters.options import Options
from billing_client.adapters.refusals import refused, unclear
from billing_client.adapters.tally import Tally
from billing_client.answers import Progress
from billing_client.call import Call
from billing_client.call_errors import Stopped
from billing_client.errors import BillingError, RateLimited, Unavailable

# A stream must not stand still because billing does: what it may produce is held already.
REPORT_SECONDS = 2.0


class MeteredStream:
    """The SDK's stream: its events, and all else it has. Iterating raises Stopped where the server says stop.

    Ended early (`break`, `close`), it is settled with what came, as cancelled; cut by the network, as failed.
    `running`: the streams that the billing client must still end when it is closed.
    """

    def __init__(
        self, stream: Any, call: Call, dialect: Dialect, body: Body, options: Options, running: "set[MeteredStream]"
    ) -> None:
        self._stream, self._call, self._options, self._running = stream, call, options, running
        self._dialect, self._body = dialect, body
        self._tally = dialect.tally(body, options, call)
        self._begun = False
        self._events = self._metered()
        running.add(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Generator[Any, None, None]:
        # Not the generator itself: this one ends with the loop that uses it, and ends the other on a `break`.
        yield from self._events

    def __next__(self) -> Any:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the stream; what came of it is settled."""
        if not self._begun:
            self._begun = True  # a generator that was never begun does not notice its end
            self._end(GeneratorExit())
        self._events.close()

    def _metered(self) -> Generator[Any, None, None]:
        self._begun = True
        last: list[Any] = []
        try:
            for event in self._stream:
                if not self._take(event):
                    continue
                if self._tally.ended:
                    last.append(event)
                else:
                    yield event
        except BaseException as error:
            self._end(error)
            raise
        self._settle(self._tally.status)
        # Held back until now: many stop reading at the last text, and what was counted comes after it.
        yield from last

    def _take(self, event: Any) -> bool:
        """Note an event and report if it is time; True for one that the caller gets. Raises Stopped."""
        seen = self._dialect.read(event)
        self._tally.add(seen)
        if self._tally.report_is_due() and (progress := report(self._call, self._tally)) and progress.stop:
            raise Stopped(progress)
        return not self._dialect.hides(self._body, seen)

    def _end(self, error: BaseException) -> None:
        """The stream did not come to its end: because of the provider, or because nobody wants more of it."""
        with suppress(Exception):
            self._stream.close()
        if not self._tally.came and (refused(error) or unclear(error)):
            self._running.discard(self)
            if refused(error):
                self._call.was_refused()
            self._call.leave(error)
            return
        by_provider = isinstance(error, Exception) and not isinstance(error, BillingError)
        try:
            self._settle("failed" if by_provider else "cancelled")
        except BillingError as failure:
            tell(error, failure)

    def _settle(self, status: str) -> None:
        self._running.discard(self)
        try:
            finish(self._call, self._tally, status, self._options)
        except BillingError as failure:
            raise self._call.complaint() from failure


def tell(error: BaseException, failure: BillingError) -> None:
    """Say of a stream that ends with `error` that it could not be settled."""
    if isinstance(error, GeneratorExit):
        raise failure  # nobody sees the notes of this one
    error.add_note(str(failure))


def report(call: Call, tally: Tally) -> Progress | None:
    """Report what has come so far; None where billing can't be reached, which is no reason to stop."""
    try:
        return call.report(tally.usage, deadline=REPORT_SECONDS)
    except (Unavailable, RateLimited):
        return None


def finish(call: Call, tally: Tally, status: str, options: Options) -> None:
    """Settle with what bills; where the provider did not say what it counted, a last report is the server's measure.

    What came to nothing but the provider's error costs nothing.
    """
    if tally.failed and not tally.came:
        call.release()
        return
    if not tally.counted:
        with suppress(BillingError):
            report(call, tally)
    receipt = call.settle(tally.evidence, status=status)
    if "on_receipt" in options:
        options["on_receipt"](receipt)
