"""`Call` with `await`."""

from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import anyio

from billing_client.answers import Progress, Release
from billing_client.call_state import CallState, Leaving
from billing_client.errors import BillingError
from billing_client.receipts import Receipt

# How long a cancelled task may still take to say how its call ended.
LAST_SECONDS = 10.0


class AsyncCall(CallState):
    """`async with client.call(provider, model, …) as call:` authorises; ask the provider for `call.max_output_tokens`.

    Leaving the block without `settle` or `release` raises `NotSettled`. Where an exception is on its way: a call that
    was not dispatched is released; of any other the exception gets a note.
    """

    def __init__(self, send: Callable[[Any], Awaitable[Any]], opening: Any) -> None:
        super().__init__(opening)
        self._send = send

    async def open(self) -> Self:
        """Authorise; for callers who cannot use a block. Raises InsufficientCredits."""
        self.opened(await self._send(self._opening))
        return self

    async def dispatched(self) -> Progress:
        """Say that the provider is being asked now: from here on a failure may have cost something."""
        return await self.report({"output": 0})

    async def progress(self, **usage: int) -> Progress:
        """Report the usage so far by leaf, for instance `progress(output=120)`; `.stop` = the call must end."""
        return await self.report(usage)

    async def report(self, usage: Mapping[str, int], *, deadline: float | None = None) -> Progress:
        """Report the usage so far, cumulative, by leaf. `deadline`: seconds for this report with its retries."""
        answer: Progress = await self._send(self.reporting(usage, deadline))
        return answer

    async def settle(
        self,
        response: object = None,
        *,
        usage: Mapping[str, int] | None = None,
        status: str = "completed",
        model: str | None = None,
        service_tier: str | None = None,
    ) -> Receipt:
        """Settle with the provider's response (SDK object, dict, list of stream events) or with `usage` by leaf.

        After an unknown outcome call it again, without arguments or with the same: the key is the same, too. Raises
        ValueError where there is nothing to settle with.
        """
        settlement = self.settling(response, usage, status, model=model, service_tier=service_tier)
        receipt: Receipt = await self._send(settlement)
        self.ended(receipt)
        return receipt

    async def release(self) -> Release:
        """Give the hold back: the provider was not called, or refused the call."""
        answer: Release = await self._send(self.releasing())
        self.ended()
        return answer

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave(error)

    async def leave(self, error: BaseException | None) -> None:
        """What happens on leaving the block, with the exception that is on its way; it is never masked."""
        leaving = self.leaving(error)
        if leaving is Leaving.RELEASE and error is not None:
            await self._release_after(error)
        elif leaving is Leaving.COMPLAIN and error is not None:
            error.add_note(str(self.complaint()))
        elif leaving is Leaving.COMPLAIN:
            raise self.complaint()

    async def _release_after(self, error: BaseException) -> None:
        failure: object = f"no answer in {LAST_SECONDS} s"
        # Shielded: a task is often here because it was cancelled, and the money should not wait for the hold to expire.
        with anyio.move_on_after(LAST_SECONDS, shield=True):
            try:
                await self.release()
                return
            except BillingError as refusal:
                failure = refusal
        error.add_note(f"Call {self.id} could not be released ({failure}); its hold ends when it expires.")
