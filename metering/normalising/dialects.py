"""Which provider's JSON an answer is in: by the provider's slug, else by its shape."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from metering.normalising import anthropic, chat, google, responses
from metering.normalising.reading import Json, UnreadableUsage
from metering.normalising.refusals import is_error, is_refusal
from metering.normalising.result import Normalised


class Reader(Protocol):
    """Normalises the parts of one answer; `streamed` says that they came as a list. Raises `UnreadableUsage`."""

    def __call__(self, items: Sequence[Json], *, streamed: bool) -> Normalised: ...


class Dialect(NamedTuple):
    recognises: Callable[[Json], bool]
    read: Reader


CHAT = Dialect(chat.recognises, chat.read)
RESPONSES = Dialect(responses.recognises, responses.read)
ANTHROPIC = Dialect(anthropic.recognises, anthropic.read)
GOOGLE = Dialect(google.recognises, google.read)
BY_SLUG = {"openai": (CHAT, RESPONSES), "anthropic": (ANTHROPIC,), "google": (GOOGLE,)}
# Far above any answer; a body of many small objects would otherwise cost seconds.
MOST_EVENTS, MOST_NAMES = 20_000, 1_000
BY_SHAPE = (GOOGLE, CHAT, Dialect(responses.surely, responses.read), ANTHROPIC)


def normalise(provider: str, response: object) -> Normalised:
    """The leaves of what a provider answered.

    `provider` is the slug of who served the call. `response` is its answer as it is: the whole response, its usage
    object alone, or the list of a stream's events, chunks or usage objects, in order. An answer of its own kind that
    has no usage is read as not complete. Raises `UnreadableUsage` for anything that is no answer of a provider, and for
    a figure in it that is no count.
    """
    items = _items(response)
    if any(len(item) > MOST_NAMES for item in items):
        raise UnreadableUsage(f"No object of an answer has more than {MOST_NAMES:,} fields.")
    own = BY_SLUG.get(provider, ())
    dialect = next((d for d in (*own, *BY_SHAPE) if any(d.recognises(item) for item in items)), None)
    if dialect is None and any("usage" in item or is_error(item) for item in items):
        dialect = (*own, CHAT)[0]  # an error, or an answer that says of its usage only that there is none
    if dialect is None:
        raise UnreadableUsage("The answer has neither usage nor anything else that a provider answers.")
    found = dialect.read(items, streamed=isinstance(response, list))
    return found._replace(refused=not found.complete and is_refusal(items))


def _items(response: object) -> list[Json]:
    if isinstance(response, dict):
        return [response]
    if not isinstance(response, list):
        raise UnreadableUsage("The answer must be an object, or a list of a stream's events.")
    if not response:
        raise UnreadableUsage("The list of events is empty.")
    if len(response) > MOST_EVENTS:
        raise UnreadableUsage(f"The list has more than {MOST_EVENTS:,} events.")
    for place, item in enumerate(response):
        if not isinstance(item, dict):
            raise UnreadableUsage(f"Event {place + 1} of the list must be an object.")
    return response
