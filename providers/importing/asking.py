"""What a person asks to have compared, and what is to be done with it."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any


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

    def stored(self) -> dict[str, Any]:
        """As plain JSON. A difference's digest is over what is asked, so nothing of it may be written otherwise."""
        models = [[provider, name] for provider, name in self.models]
        return {
            **asdict(self), "providers": [*self.providers], "models": models, "dearer_than": str(self.dearer_than)
        }  # fmt: skip

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> "Ask":
        """What `stored` was made of."""
        models = tuple((provider, name) for provider, name in stored["models"])
        exact = {"providers": tuple(stored["providers"]), "models": models}
        return cls(**{**stored, **exact, "dearer_than": Decimal(stored["dearer_than"])})
