"""When each part of an answer is due. A fast answer comes in larger parts, not in more events a second."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from local.providers.answer import Answer, Passage

_FIRST_TOKEN_SECONDS = 0.2
# A caller's SDK needs about as long for one event: more of them would slow the stream down.
_SHORTEST_GAP = 0.005
_FEWEST_PARTS = 8


@dataclass(frozen=True)
class Beat:
    """A part of the answer. `due`: seconds after the request; `tokens`: of the whole answer so far, this part
    included."""

    due: float
    thought: bool
    text: str
    tokens: int


def beats(answer: Answer, tokens_per_second: float, dice: random.Random) -> tuple[Beat, ...]:
    """The answer in parts: reasoning, then text, in an uneven rhythm of that many tokens a second."""
    start = _FIRST_TOKEN_SECONDS * 170.0 / tokens_per_second
    thoughts = tuple(_parts(_timed(answer.reasoning, tokens_per_second, dice), True, start, 0))
    start = thoughts[-1].due if thoughts else start
    visible = _parts(_timed(answer.visible, tokens_per_second, dice), False, start, answer.reasoning.tokens)
    return (*thoughts, *visible)


def _timed(passage: Passage, rate: float, dice: random.Random) -> list[tuple[float, str, int]]:
    """Each piece with the seconds and tokens from the passage's start to its end."""
    due, timed = 0.0, []
    for number, piece in enumerate(passage.pieces, start=1):
        due += dice.uniform(0.4, 1.6) * passage.tokens / len(passage.pieces) / rate
        timed.append((due, piece, passage.tokens * number // len(passage.pieces)))
    return timed


def _parts(timed: list[tuple[float, str, int]], thought: bool, start: float, before: int) -> Iterator[Beat]:
    gap = min(_SHORTEST_GAP, timed[-1][0] / _FEWEST_PARTS) if timed else 0.0
    for _, group in groupby(timed, key=lambda piece: int(piece[0] / gap) if gap else 0):
        part = list(group)
        due, _, tokens = part[-1]
        yield Beat(start + due, thought, "".join(piece for _, piece, _ in part), before + tokens)
