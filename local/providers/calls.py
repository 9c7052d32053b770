"""A call in words common to all providers: what is asked for, and what will be answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.providers import usage
from local.providers.answer import Answer
from local.providers.delivery import Player
from local.providers.faults import Fault
from local.providers.journal import Entry
from local.providers.usage import Usage


@dataclass(frozen=True)
class Wish:
    """What a request asks for. `prompt` is whatever holds its text, `limit` the bound on output tokens, `thinks` None
    where the model decides, `tools` what a script may have the answer use."""

    model: str
    prompt: Any
    limit: int | None
    stream: bool
    thinks: bool | None
    tools: frozenset[str]


@dataclass(frozen=True)
class Call:
    """A call that will be answered. `model` served it; `tier` is the scripted service tier, if any; `created` is in
    Unix seconds."""

    id: str
    created: int
    model: str
    tier: str | None
    input_tokens: int
    answer: Answer
    player: Player
    entry: Entry
    fault: Fault | None
    scripted_usage: Mapping[str, Any]
    replace_usage: bool

    def usage(
        self, counted: Usage, totals: Callable[[Usage], Usage], contradict: Callable[[Usage], Usage]
    ) -> Usage | None:
        """The usage to tell, see `usage.told`; it is noted in the journal."""
        self.entry.usage = usage.told(
            counted,
            self.scripted_usage,
            replace=self.replace_usage,
            fault=self.fault,
            totals=totals,
            contradict=contradict,
        )
        return self.entry.usage


def count(prompt: Any) -> int:
    """Input tokens of a prompt: a quarter of the characters of its texts, at least 1."""
    return max(1, -(-_characters(prompt) // 4))


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_characters(below) for key, below in value.items() if key not in _NO_TEXT)
    return sum(_characters(below) for below in value) if isinstance(value, list) else 0


_NO_TEXT = frozenset({"type", "role", "data", "url", "image_url"})
