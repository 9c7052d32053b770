"""What can go wrong with a call as a whole, beside what the API answers."""

from typing import Any

from billing_client.answers import Progress
from billing_client.errors import BillingError
from billing_client.problems import Problem


class NotSettled(BillingError):
    """A call was left open. Its hold stays until it expires; the server then ends it by its own estimate.

    `call` is the call (`call.settle(…)` is still possible), `response` the provider's answer where one had come.
    """

    def __init__(self, problem: Problem, call: Any = None, response: Any = None) -> None:
        super().__init__(problem)
        self.call = call
        self.response = response

    def __reduce__(self) -> tuple[type["NotSettled"], tuple[Problem]]:
        # Connections and SDK objects stay in the process they belong to.
        return type(self), (self.problem,)


class Stopped(BillingError):
    """The server said stop while the provider was still streaming; what had come by then is settled."""

    def __init__(self, progress: Progress) -> None:
        words = f"The call was stopped: {progress.reason or 'no reason was given'}."
        super().__init__(Problem(None, "stopped", "The call was stopped", words))
        self.progress = progress

    @property
    def reason(self) -> str | None:
        """Why, for instance "insufficient_credits"."""
        return self.progress.reason

    def __reduce__(self) -> tuple[type["Stopped"], tuple[Progress]]:
        return type(self), (self.progress,)


class NotMetered(BillingError):
    """A wrapped SDK was asked for something that would cost money unseen: use the SDK's own client for it."""

    def __init__(self, words: str) -> None:
        super().__init__(Problem(None, "not_metered", "Not metered", words))

    def __reduce__(self) -> tuple[type["NotMetered"], tuple[str]]:
        return type(self), (self.problem.detail,)
