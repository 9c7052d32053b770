"""One row of a trace as one call of the API: authorise, then settle with exactly the row's usage."""

from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic

from billing_client import (
    BillingClient,
    BillingError,
    Forbidden,
    InsufficientCredits,
    Receipt,
    Unauthorised,
    Unavailable,
)

from metering.replay import Outcome, Row, idempotency_key, seconds_until_due

# After these every further row would fail in the same way.
_POINTLESS_TO_GO_ON = (Unauthorised, Forbidden, Unavailable)
# The longest a hold may live: a run that was killed can be started again within a day and settles what it had open.
_HOLD_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Job:
    """What all calls of a run have in common. `first` is the time of the trace's first row."""

    run: str
    provider: str
    model: str
    project: str | None
    agent: str | None
    first: datetime
    speed: float


class Sender:
    """Sends rows from many threads; sets `stop` when the rest would fail as well."""

    def __init__(self, client: BillingClient, job: Job, stop: Event) -> None:
        self._client = client
        self._job = job
        self._stop = stop
        self._started = monotonic()

    def __call__(self, row: Row) -> Outcome:
        """Wait until the row is due and send it; an error of the API becomes an outcome, never an exception."""
        elapsed = monotonic() - self._started
        if self._stop.wait(seconds_until_due(row, self._job.first, self._job.speed, elapsed)):
            return Outcome("skipped")
        try:
            return _charged(self._call(row))
        except InsufficientCredits as refusal:
            return Outcome("refused", words=f"line {row.line}: {refusal}")
        except BillingError as error:
            if isinstance(error, _POINTLESS_TO_GO_ON):
                self._stop.set()
            return Outcome("failed", words=f"line {row.line}: {error}")

    def _call(self, row: Row) -> Receipt:
        job = self._job
        # All or nothing: a call that is clamped could not use what the row says. The API asks for at least one.
        output = max(1, row.output_tokens)
        hold = self._client.authorise(
            job.provider,
            job.model,
            row.input_tokens,
            input_leaves=["input"],
            max_output_tokens=output,
            min_output_tokens=output,
            project=job.project,
            agent=job.agent,
            run=job.run,
            dispatched=True,
            ttl_seconds=_HOLD_SECONDS,
            idempotency_key=idempotency_key(job.run, row.line, "authorise"),
        )
        usage = {"input": row.input_tokens, "output": row.output_tokens}
        return self._client.settle(hold.id, usage, idempotency_key=idempotency_key(job.run, row.line, "settle"))


def _charged(receipt: Receipt) -> Outcome:
    def tokens(name: str) -> int:
        return sum(leaf.tokens for leaf in receipt.leaves if leaf.leaf == name)

    return Outcome("charged", tokens("input"), tokens("output"), receipt.charged, receipt.absorbed)
