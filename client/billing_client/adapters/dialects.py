"""A provider's way to ask for a call: how much output is wanted, and where to write how much is authorised."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from billing_client.adapters.bounds import drawn_in, input_bound
from billing_client.adapters.options import Options
from billing_client.adapters.prompts import likely_input
from billing_client.adapters.tally import Tally
from billing_client.call_state import CallState
from billing_client.responses import as_json

Body = Mapping[str, Any]

_LABELS = ("project", "agent", "user", "run", "tools", "ttl_seconds")
_MEDIA = {"image": "input_image", "audio": "input_audio", "video": "input_video"}


class Dialect(ABC):
    """One kind of request. `name`: the provider's name in the price book unless the options say another."""

    name: ClassVar[str]
    blank: ClassVar[dict[str, Any]]  # an event that says nothing

    def arguments(self, body: Body, options: Options) -> dict[str, Any]:
        """What to authorise for this request. Raises ValueError where the size of its input cannot be told."""
        foreign = drawn_in(body)
        if foreign and "input_tokens" not in options:
            words = ", ".join(sorted(foreign))
            raise ValueError(f"say how large the input can be, wrap(…, input_tokens=…): the request draws in {words}")
        leaves = [*self.leaves(body), *(leaf for kind, leaf in _MEDIA.items() if kind in foreign)]
        return {name: options[name] for name in _LABELS if name in options} | {  # type: ignore[literal-required]
            "provider": options.get("provider", self.name),
            "model": self.model(body),
            "input_tokens": options.get("input_tokens") or input_bound(body),
            "input_leaves": leaves,
            "max_output_tokens": self.wanted(body),
            "min_output_tokens": self.least_of(body, options),
            "service_tier": self.tier(body),
            # If this process dies now, the provider still bills the call.
            "dispatched": True,
        }

    def least_of(self, body: Body, options: Options) -> int | None:
        """The least output worth starting for, never more than is wanted."""
        least = max(self.least(body), options.get("min_output_tokens", 1))
        wanted = self.wanted(body)
        return (min(least, wanted) if wanted else least) if least > 1 else None

    def model(self, body: Body) -> str:
        return str(body["model"])

    @abstractmethod
    def wanted(self, body: Body) -> int | None:
        """The output tokens that the caller asks for, over all answers; None where they say nothing."""

    @abstractmethod
    def clamped(self, body: Body, most: int) -> dict[str, Any]:
        """The request as it is sent: with at most `most` output tokens over all answers."""

    def answers(self, body: Body) -> int:
        """How many answers are asked for; each may be as long as the limit."""
        return 1

    def least(self, body: Body) -> int:
        """The fewest output tokens that the provider takes a request for."""
        return self.answers(body)

    def leaves(self, body: Body) -> tuple[str, ...]:
        """The kinds of input that a text request can use: others would only make its hold larger."""
        return ("input", "cache_read")

    def tier(self, body: Body) -> str | None:
        """The service tier of the price book, None for the standard one."""
        tier = body.get("service_tier")
        return None if tier in (None, "auto", "default", "standard", "standard_only") else str(tier)

    def tally(self, body: Body, options: Options, call: CallState) -> Tally:
        """An empty tally for the answer to this request, which was authorised as `call`."""
        likely = likely_input(body, call.input_tokens)
        return Tally(self.blank, call.max_output_tokens, likely, self.answers(body), options.get("report_seconds", 2.0))

    def read(self, answer: Any) -> Any:
        """An answer or event of the SDK as the provider's JSON."""
        return as_json(answer)

    def hides(self, body: Body, event: Body) -> bool:
        """Is this an event that the caller did not ask for?"""
        return False
