"""The ledger's invariants as the apps write them down: one file each under `sql/invariants/`."""

from typing import NamedTuple

from common.database import sql_files

LOOKS_AT, NIGHTLY = "looks at:", "nightly:"


class Invariant(NamedTuple):
    """One invariant: its name, what must hold, the SELECT of the rows that break it, what that looks at.

    `nightly` says why only a run over everything asks for it; "" for those that every run asks for.
    """

    name: str
    promise: str
    sql: str
    looks_at: tuple[str, ...]
    nightly: str


def invariants() -> list[Invariant]:
    """All of them, those of lower apps first."""
    return [parsed(file.stem, file.read_text()) for file in sql_files("invariants")]


def parsed(name: str, sql: str) -> Invariant:
    """What the comment at the head of an invariant's file says. `ValueError` where it says not what it looks at."""
    comments = [line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--")]
    looks_at = _after(LOOKS_AT, comments)
    if not looks_at:
        raise ValueError(f"{name} does not say what it looks at")
    return Invariant(name, comments[0], sql, tuple(looks_at.split(", ")), _after(NIGHTLY, comments))


def _after(word: str, comments: list[str]) -> str:
    return next((line.removeprefix(word).strip() for line in comments if line.startswith(word)), "")
