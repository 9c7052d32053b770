"""One call from authorisation to its end, without the sending: what may happen next, and what leaving it means."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any
from uuid import UUID, uuid4

from billing_client import operations
from billing_client.answers import Authorisation, Progress, Release
from billing_client.call_errors import NotSettled
from billing_client.operations import Operation
from billing_client.problems import Problem
from billing_client.receipts import Receipt


class Leaving(Enum):
    """What must be done when the block of a call is left."""

    NOTHING = auto()
    RELEASE = auto()
    COMPLAIN = auto()


class CallState:
    """What both kinds of call know. `receipt` is there once settled."""

    def __init__(self, opening: Operation[Authorisation]) -> None:
        self._opening = opening
        self._hold: Authorisation | None = None
        self._seq = 0
        self._dispatched = bool((opening.request.body or {}).get("dispatched"))
        self._ended = False
        self._settlement: Operation[Receipt] | None = None
        # One key each for the whole call: whatever is tried again after an unknown outcome is the same try.
        self._settle_key, self._release_key = str(uuid4()), str(uuid4())
        self.receipt: Receipt | None = None

    @property
    def authorisation(self) -> Authorisation:
        """The hold. Raises RuntimeError before the call is authorised, that is, outside its block."""
        if self._hold is None:
            raise RuntimeError("the call is authorised on entering its block: with client.call(…) as call")
        return self._hold

    @property
    def id(self) -> UUID:
        """Id of the hold, and later of the receipt."""
        return self.authorisation.id

    @property
    def max_output_tokens(self) -> int:
        """The most output tokens this call may produce: give the provider this figure."""
        return self.authorisation.max_output_tokens

    @property
    def input_tokens(self) -> int:
        """The most input tokens that this call was authorised for."""
        return int((self._opening.request.body or {})["input_tokens"])

    def reporting(self, usage: Mapping[str, int], deadline: float | None = None) -> Operation[Progress]:
        self._seq, self._dispatched = self._seq + 1, True
        return operations.progress(self.id, self._seq, usage, deadline=deadline)

    def settling(
        self, response: object, usage: Mapping[str, int] | None, status: str, **named: Any
    ) -> Operation[Receipt]:
        """The settlement; with neither response nor usage the one that was tried before.

        Raises ValueError where there is nothing to settle with: an empty answer is one only of a call that ended badly.
        """
        if response is None and usage is None and self._settlement:
            return self._settlement
        if status == "completed" and not usage and _is_empty(response):
            raise ValueError('nothing to settle with; for a call that failed say status="failed" or "cancelled"')
        self._dispatched = True
        self._settlement = operations.settle(
            self.id, usage, status, provider_response=response, idempotency_key=self._settle_key, **named
        )
        return self._settlement

    def releasing(self) -> Operation[Release]:
        return operations.release(self.id, idempotency_key=self._release_key)

    def opened(self, hold: Authorisation) -> None:
        self._hold = hold

    def ended(self, receipt: Receipt | None = None) -> None:
        self.receipt, self._ended = receipt, True

    def was_refused(self) -> None:
        """The provider did not take the call: leaving it with an error releases it."""
        self._dispatched = False

    def leaving(self, error: BaseException | None) -> Leaving:
        """A call that ended needs nothing, one that failed before the provider was asked is released.

        Everything else may have cost something, and only the caller knows what: that is never passed over in silence.
        """
        if self._ended:
            return Leaving.NOTHING
        if error is not None and not self._dispatched:
            return Leaving.RELEASE
        return Leaving.COMPLAIN

    def complaint(self, response: object = None) -> NotSettled:
        hold = self.authorisation
        end = "settled by estimate" if self._dispatched else "released"
        words = f"Call {hold.id} was not settled; its hold of {hold.held} {hold.currency} stays until it expires "
        words += f"({hold.expires_at.isoformat()} or later) and is then {end}."
        problem = Problem(None, "not_settled", "The call was not settled", words, idempotency_key=self._settle_key)
        return NotSettled(problem, self, response)


def _is_empty(response: object) -> bool:
    return response is None or (isinstance(response, list | tuple | Mapping) and not response)
