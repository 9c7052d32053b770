"""What a person asks to have compared, and what is to be done with it."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Ask:
    """`providers`: only these (none: all that the book has). `models`: (provider, name) to add; `new`: add all there
    are. `access_class`, `max_output` and `context` (tokens) are for added models, since the list doesn't know the first
    two and often not the third. `dearer_than`: rises above so many per cent are marked. `retire`: end also
    the rates that the list no longer has and for which nothing stands in. `keep`: leave what a person entered."""

    providers: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] = ()
    new: bool = False
    access_class: str = ""
    max_output: int | None = None
    context: int | None = None
    dearer_than: Decimal = Decimal(20)
    retire: bool = False
    keep: bool = False
