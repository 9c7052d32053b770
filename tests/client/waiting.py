"""The asynchronous client behind the synchronous one's face, so that each test can drive both."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import iscoroutine
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from billing_client import AsyncBillingClient, AsyncCall


class Waiting:
    """Waits for whatever a method of `target` gives to be awaited; a call becomes a block of `with`."""

    def __init__(self, portal: BlockingPortal, target: Any) -> None:
        self._portal, self._target = portal, target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return (lambda *args, **kwargs: self._waited(found, *args, **kwargs)) if callable(found) else found

    def _waited(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        async def run() -> Any:
            answer = method(*args, **kwargs)
            return await answer if iscoroutine(answer) else answer

        answer = self._portal.call(run)
        return Waiting(self._portal, answer) if isinstance(answer, AsyncCall) else answer

    def __enter__(self) -> Any:
        self._portal.call(self._target.__aenter__)
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._portal.call(self._target.__aexit__, *error)


@contextmanager
def event_loop() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


def waiting_client(portal: BlockingPortal, *args: Any, **options: Any) -> Any:
    return Waiting(portal, AsyncBillingClient(*args, **options))
