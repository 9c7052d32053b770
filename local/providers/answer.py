"""What a call gets back, decided before its first byte: reasoning, text, tool calls, and whether a limit cut it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from local.providers import text
from local.providers.script import Script, Tool


@dataclass(frozen=True)
class Passage:
    """Pieces of text, and the tokens that they count as together (a script may say more than there are pieces)."""

    pieces: tuple[str, ...]
    tokens: int

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def shortened(self, tokens: int) -> "Passage":
        """The beginning of it, at most that many tokens long."""
        if tokens >= self.tokens:
            return self
        return Passage(self.pieces[: len(self.pieces) * tokens // self.tokens], tokens)


@dataclass(frozen=True)
class Answer:
    """`limited`: the request's limit on output tokens ended it. `tools`: calls of the provider's own tools, by name."""

    reasoning: Passage
    visible: Passage
    limited: bool
    tools: Mapping[Tool, int]

    @property
    def output_tokens(self) -> int:
        """Tokens of reasoning and visible text together."""
        return self.reasoning.tokens + self.visible.tokens


def compose(dice: random.Random, script: Script, *, thinks: bool, limit: int | None) -> Answer:
    """The answer that the script asks for; what it leaves open is diced. Ends at `limit` tokens, reasoning included."""
    reasoning = _made_up(dice, script.reasoning_tokens, (30, 160) if thinks else (0, 0))
    visible = _visible(dice, script)
    whole = reasoning.tokens + visible.tokens
    if limit is None or whole <= limit:
        return Answer(reasoning, visible, False, script.tool_calls)
    reasoning = reasoning.shortened(limit)
    return Answer(reasoning, visible.shortened(limit - reasoning.tokens), True, script.tool_calls)


def _visible(dice: random.Random, script: Script) -> Passage:
    if script.text is None:
        return _made_up(dice, script.output_tokens, (90, 420))
    pieces = text.split(script.text)
    return Passage(pieces, len(pieces) if script.output_tokens is None else script.output_tokens)


def _made_up(dice: random.Random, scripted: int | None, usual: tuple[int, int]) -> Passage:
    pieces = text.sentences(dice, dice.randint(*usual)) if scripted is None else text.exactly(dice, scripted)
    return Passage(pieces, len(pieces))
