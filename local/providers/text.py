"""Made-up but believable sentences about agents and their bills, in pieces the size of a token."""

import random
import re

_AGENTS = ("the research agent", "the support agent", "each agent", "the night run", "the planner", "the reviewer")
_THINGS = (
    *("the balance", "the open hold", "the daily budget", "the receipt", "the token count", "the cached prompt"),
    *("the wallet", "the last settlement", "the rate in force", "the monthly statement", "the unused reserve"),
)
_DOES = (
    *("checks", "compares", "reports", "watches", "confirms", "summarises", "explains", "follows", "records"),
    *("estimates", "recalculates"),
)
_WHEN = (
    *("before each call", "after the answer arrives", "while it streams", "at the end of the hour", "once a day"),
    *("as soon as credits arrive", "whenever a price changes", "without waiting for the invoice"),
)
_SO = (
    *("so nobody is surprised by the bill", "which leaves room for two more runs", "and the figures agree"),
    *("so the next step can start at once", "and only the difference is charged", "which finance can recompute"),
)
_OPENINGS = ("In practice", "For this project", "Measured over a week", "As a rule", "To be exact", "On a quiet day")


def split(text: str) -> tuple[str, ...]:
    """The text in pieces of about four letters, words with the space behind them; joined they are the text."""
    return tuple(piece for word in re.findall(r"\S+\s*|\s+", text) for piece in _halves(word))


def sentences(dice: random.Random, pieces: int) -> tuple[str, ...]:
    """Whole sentences of at least that many pieces together."""
    found: list[str] = []
    while len(found) < pieces:
        found += split(_sentence(dice) + " ")
    return (*found[:-1], found[-1].rstrip()) if found else ()


def exactly(dice: random.Random, pieces: int) -> tuple[str, ...]:
    """Exactly that many pieces of text, the last with a full stop even if its sentence had more to say."""
    found = sentences(dice, pieces)[:pieces]
    return (*found[:-1], found[-1].rstrip(" ,.") + ".") if found else ()


def _sentence(dice: random.Random) -> str:
    pick = dice.choice
    core = f"{pick(_AGENTS)} {pick(_DOES)} {pick(_THINGS)} {pick(_WHEN)}"
    shape = dice.randrange(3)
    if shape == 0:
        return f"{core[0].upper()}{core[1:]}, {pick(_SO)}."
    if shape == 1:
        return f"{pick(_OPENINGS)}, {core}."
    return f"{core[0].upper()}{core[1:]}."


def _halves(word: str) -> tuple[str, ...]:
    if len(word) <= 8:
        return (word,)
    middle = len(word.rstrip()) // 2
    return word[:middle], word[middle:]
