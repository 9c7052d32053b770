"""Models that the list has and the book has not: which can be added, and why the others can't. Pure."""

from dataclasses import dataclass

from providers.importing.asking import Ask
from providers.importing.book import Book
from providers.importing.listed import Listed
from providers.importing.slots import Slot
from providers.importing.world import World
from providers.leaves import Leaf


@dataclass(frozen=True)
class Addition:
    """A model to add; context and output in tokens."""

    provider: str
    name: str
    access_class: str
    context: int
    max_output: int


@dataclass(frozen=True)
class Refusal:
    """A model that is not added. `asked`: it was asked for by name."""

    provider: str
    model: str
    reason: str
    asked: bool = False


def additions(book: Book, world: World, ask: Ask) -> tuple[list[Addition], list[Refusal]]:
    """The models that `ask` wants added, each as it can be or with the reason why not."""
    asked = dict.fromkeys(ask.models)
    every = [(p, name) for p in sorted(ask.providers or book.providers) for name in world.names(p)] if ask.new else []
    added: list[Addition] = []
    refused: list[Refusal] = []
    for provider, name in dict.fromkeys([*asked, *every]):
        if book.named(provider, name):
            continue
        listed = world.find(provider, name)
        by_name = (provider, name) in asked
        reason = _unsold(book, world, listed, provider, name, by_name)
        made = reason or _made(provider, name, listed, ask)
        if isinstance(made, str):
            refused.append(Refusal(provider, name, made, by_name))
        else:
            added.append(made)
    return added, refused


def unlisted(world: World, provider: str, name: str) -> str:
    """Says that the list has no such model, and which one that is not it would be charged as there."""
    another = world.another(provider, name)
    more = f"; its {another} is not taken, as it is another model" if another else ""
    return f"the list has no prices under this name{more}"


def _unsold(book: Book, world: World, listed: Listed | None, provider: str, name: str, by_name: bool) -> str:
    """Why the model can't be sold at the list's prices."""
    if provider not in book.providers:
        return f"the price book has no provider {provider}"
    if listed is None:
        return unlisted(world, provider, name)
    if listed.refused:
        return listed.refused
    if listed.uncounted:
        return f"it is also billed in what no leaf counts: {', '.join(listed.uncounted)}"
    if not listed.steps[0].prices.keys() >= {Slot(Leaf.INPUT), Slot(Leaf.OUTPUT)}:
        return "the list has no price for its input or its output"
    return "its provider is retiring it: add it by name if it must be" if listed.deprecated and not by_name else ""


def _made(provider: str, name: str, listed: Listed | None, ask: Ask) -> Addition | str:
    """The model, or which of its facts nobody has said."""
    context = ask.context or (listed.context if listed else None)
    if not (ask.access_class and ask.max_output and context):
        facts = {"access class": ask.access_class, "max output": ask.max_output, "context window": context}
        return f"say its {', '.join(fact for fact, known in facts.items() if not known)}: the list doesn't"
    if ask.max_output > context:
        return f"a max output of {ask.max_output:,} is more than its context window of {context:,}"
    return Addition(provider, name, ask.access_class, context, ask.max_output)
