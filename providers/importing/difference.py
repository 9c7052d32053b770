"""Everything in which our book differs from the list, and what of it would be written. Pure."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from providers.importing.additions import Addition, Refusal, additions, unlisted
from providers.importing.asking import Ask
from providers.importing.book import Book, BookModel
from providers.importing.changes import Change, Kind
from providers.importing.comparing import changes_of, same
from providers.importing.listed import Listed, Step
from providers.importing.names import same_model
from providers.importing.world import World


@dataclass(frozen=True)
class Alias:
    """A further name of a model."""

    provider: str
    model: str
    name: str


@dataclass(frozen=True)
class Difference:
    """`notes`: sentences about what is left alone. `same`: how many prices in force agree already."""

    edition: str
    ask: Ask
    additions: tuple[Addition, ...]
    aliases: tuple[Alias, ...]
    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]
    same: int

    @cached_property
    def writes(self) -> tuple[Change, ...]:
        """The changes that applying makes rows of."""
        return tuple(change for change in self.changes if change.written)

    @cached_property
    def dearer(self) -> tuple[Change, ...]:
        """Those of them that raise what is charged by more than was asked to be marked."""
        return tuple(change for change in self.writes if change.dearer(self.ask.dearer_than))

    @cached_property
    def by_hand(self) -> tuple[Change, ...]:
        """Those of them that replace what a person entered."""
        return tuple(change for change in self.writes if change.by_hand)

    @cached_property
    def repriced(self) -> tuple[Change, ...]:
        """Those of them that are about a model on sale: they raise or lower what customers pay, or can."""
        return tuple(change for change in self.writes if change.sold)

    @cached_property
    def to_accept(self) -> frozenset[Change]:
        """What nobody gets without having accepted it."""
        return frozenset((*self.dearer, *self.by_hand))

    @cached_property
    def left(self) -> tuple[Change, ...]:
        """Rates that the list no longer has and that stay in force all the same until they are retired."""
        return tuple(change for change in self.changes if change.kind is Kind.GONE and not change.written)

    @property
    def cannot_add(self) -> list[str]:
        """Models that were asked for by name and can't be added: then nothing is applied."""
        return [f"{refusal.provider}/{refusal.model}" for refusal in self.refusals if refusal.asked]

    @property
    def empty(self) -> bool:
        """Whether applying would write nothing."""
        return not (self.additions or self.aliases or self.writes)

    @property
    def agrees(self) -> bool:
        """Whether the book says what the list says."""
        return self.empty and not self.left

    @property
    def digest(self) -> str:
        """Says in short what is shown, so that only that is applied."""
        shown = (self.edition, self.ask, self.additions, self.aliases, [_plain(change) for change in self.changes])
        return hashlib.sha256(repr(shown).encode()).hexdigest()


def difference(book: Book, world: World, ask: Ask) -> Difference:
    """Compare the book's models, and those that are to be added, with the list."""
    added, refused = additions(book, world, ask)
    models = [m for m in book.models if not ask.providers or m.provider in ask.providers]
    models += [BookModel(a.provider, a.name) for a in added]
    changes: list[Change] = []
    notes: list[str] = []
    agreeing = 0
    for model in models:
        listed = world.find(model.provider, model.name)
        notes += [f"{model.provider}/{model.name}: {sentence}." for sentence in _sentences(model, listed, world)]
        if listed is None:
            found = changes_of(model, Listed(model.name, steps=(Step(world.at, {}),)), world.at, ask)
            changes += [change for change in found if change.kind is Kind.GONE]
        elif not listed.refused:
            changes += changes_of(model, listed, world.at, ask)
            agreeing += same(model, listed, world.at)
    return Difference(
        world.edition, ask, tuple(added), tuple(_aliases(models, world)), tuple(changes), tuple(refused),
        tuple(notes), agreeing,
    )  # fmt: skip


def _sentences(model: BookModel, listed: Listed | None, world: World) -> list[str]:
    """What has to be said of a model beside its prices."""
    if listed is None:
        return [unlisted(world, model.provider, model.name)]
    if listed.refused:
        return [f"left as it is, since {listed.refused}"]
    uncounted = [f"not imported, since no leaf counts it: {key}" for key in listed.uncounted]
    origin = [] if listed.name == model.name else [f"compared with the list's {listed.name}"]
    return [*origin, *listed.unread, *uncounted]


def _aliases(models: list[BookModel], world: World) -> list[Alias]:
    """Names that the list has for exactly one model, that no model of ours has, and that only one of ours would get."""
    taken = {(model.provider, name) for model in models for name in model.names}
    wanted = [
        Alias(model.provider, model.name, name)
        for model in models
        if (listed := world.find(model.provider, model.name))
        for name in listed.aliases
        if same_model(name, model.name) and (model.provider, name) not in taken
    ]
    claims = Counter((alias.provider, alias.name) for alias in wanted)
    return [alias for alias in wanted if claims[alias.provider, alias.name] == 1]


def _plain(change: Change) -> tuple[object, ...]:
    """Comparable by value: the database writes 5 as 5.000000000."""
    amounts = (change.old, change.new, change.before, change.after)
    prices = [None if amount is None else format(amount.normalize(), "f") for amount in amounts]
    starts = change.starts.isoformat() if change.starts else ""
    of = (change.provider, change.model, change.listed, tuple(change.slot))
    return change.kind.value, *of, *prices, starts, change.written, change.by_hand
