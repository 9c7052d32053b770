"""An answer that is nothing but an error: the provider did not begin, and bills none of it."""

from collections.abc import Iterable

from metering.normalising.reading import Json, word

# What an answer has once a model has begun to work on it.
BEGUN = ("usage", "usageMetadata", "usage_metadata", "choices", "candidates", "content", "output", "delta", "response")


def is_error(item: Json) -> bool:
    """Whether `item` says that something failed.

    As `error`, an object or with some gateways a text; or as an item of that type: an event of OpenAI's Responses API
    (`ResponseErrorEvent`), a body of vLLM.
    """
    error = item.get("error")
    named = isinstance(error, dict) or (isinstance(error, str) and error != "")
    return named or "error" in (word(item, "type"), word(item, "object"))


def is_refusal(items: Iterable[Json]) -> bool:
    """Whether `items`, an answer or the events of a stream, are errors alone, with no trace of work before them."""
    return all(is_error(item) and not _has_begun(item) for item in items)


def _has_begun(item: Json) -> bool:
    # Of an event the message is an object, of an error it is a sentence.
    return any(item.get(name) for name in BEGUN) or isinstance(item.get("message"), dict)
