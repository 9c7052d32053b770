"""Faults on demand: by the request's own header, or planted beforehand for requests that come."""

import random
from dataclasses import dataclass, field

from local.providers.errors import Kind, Refused

REFUSALS = {
    "400": Kind.MALFORMED,
    "401": Kind.EXPIRED,
    "403": Kind.FORBIDDEN,
    "404": Kind.UNKNOWN,
    "429": Kind.RATE,
    "500": Kind.SERVER,
    "503": Kind.OVERLOADED,
    "529": Kind.OVERLOADED,
}
# What only an answer can have; `short` ends the stream early but orderly, `cut` closes the connection.
OF_ANSWERS = frozenset({"cut", "short", "no_usage", "contradiction"})
_NAMES = frozenset({*REFUSALS, *OF_ANSWERS, "slow"})


@dataclass(frozen=True)
class Fault:
    """`seconds`: how long `slow` waits before the first byte. `after`: the part of the answer, from 0 to 1, that is
    sent before `cut` or `short`."""

    name: str
    seconds: float = 5.0
    after: float = 0.5

    @property
    def kind(self) -> Kind | None:
        """The refusal that it is, or None."""
        return REFUSALS.get(self.name)


def parse(text: str) -> Fault:
    """A fault from `name` or `name;seconds=2;after=0.3`. Raises Refused for one that does not exist."""
    name, *options = [part.strip() for part in text.split(";")]
    try:
        if name not in _NAMES:
            raise ValueError(f"use one of {', '.join(sorted(_NAMES))}")
        return Fault(name, **{key: float(value) for key, _, value in (o.partition("=") for o in options)})
    except (ValueError, TypeError) as error:
        raise Refused(Kind.MALFORMED, f"The fault {text!r} does not exist: {error}") from error


@dataclass
class Planted:
    """A fault for requests to come: for `times` of them (None: all), each with `probability`."""

    fault: Fault
    provider: str | None = None
    times: int | None = 1
    probability: float = 1.0
    seed: int = 1
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def strikes(self, provider: str, answers: bool) -> bool:
        """Whether it befalls this request; counts it if so."""
        if self.times == 0 or self.provider not in (None, provider):
            return False
        if self.fault.name in OF_ANSWERS and not answers:
            return False
        if self._dice.random() >= self.probability:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class FaultBook:
    """The planted faults, the oldest first."""

    def __init__(self) -> None:
        self._planted: list[Planted] = []

    def plant(self, planted: Planted) -> None:
        """Add one."""
        self._planted.append(planted)

    def clear(self) -> None:
        """Forget all."""
        self._planted.clear()

    def pick(self, provider: str, answers: bool) -> Fault | None:
        """The fault that befalls a request; `answers` says whether it asks for a generated answer."""
        return next((p.fault for p in self._planted if p.strikes(provider, answers)), None)
