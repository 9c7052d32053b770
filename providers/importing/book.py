"""Our price book as the comparison sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from providers.importing.slots import Slot


@dataclass(frozen=True)
class Row:
    """A rate: `price` per 1M from `starts` on, None for "no longer priced".

    `inclusive`: exactly the class's number of tokens belongs to it. `own`: a person entered it; no list had it.
    """

    starts: datetime
    price: Decimal | None
    inclusive: bool = False
    own: bool = False


@dataclass(frozen=True)
class BookModel:
    """A model with the names it is called by and its rates: those in force and those to come."""

    provider: str
    name: str
    aliases: frozenset[str] = frozenset()
    rows: Mapping[Slot, tuple[Row, ...]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        return self.aliases | {self.name}


@dataclass(frozen=True)
class Book:
    providers: frozenset[str]
    models: tuple[BookModel, ...]

    def named(self, provider: str, name: str) -> BookModel | None:
        """The model that is called by `name`, as itself or by an alias."""
        return next((m for m in self.models if m.provider == provider and name in m.names), None)


def newest_at(rows: tuple[Row, ...], moment: datetime) -> Row | None:
    """The row that began last at `moment`, also one that says "no longer priced"; None where none has begun."""
    return max((row for row in rows if row.starts <= moment), key=lambda row: row.starts, default=None)


def row_at(rows: tuple[Row, ...], moment: datetime) -> Row | None:
    """The row in force at `moment`; None where none has begun or the newest says "no longer priced"."""
    newest = newest_at(rows, moment)
    return newest if newest and newest.price is not None else None
