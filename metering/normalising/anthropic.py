"""Anthropic's messages, whole or as events. A stream's start holds the input's figures, its deltas running totals."""

from collections.abc import Sequence

from metering.normalising.anthropic_leaves import count_usage
from metering.normalising.characters import length, length_within
from metering.normalising.reading import Json, each, inner, newest_name, usage_in, word
from metering.normalising.result import Heard, Normalised, conclude
from metering.normalising.tally import Tally

NAME = "Anthropic"
FIELDS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "server_tool_use")
EVENTS = ("message_start", "message_delta", "message_stop", "content_block_", "ping")


def recognises(item: Json) -> bool:
    """Whether `item` is a message, an event or a usage object of this API."""
    kind = word(item, "type")
    known = kind == "message" or kind.startswith(EVENTS)
    return known or any(field in place for place in (item, inner(item, "usage")) for field in FIELDS)


def read(items: Sequence[Json], *, streamed: bool) -> Normalised:
    """Normalise a message, or the events or usage objects of its stream. Raises `UnreadableUsage`."""
    messages = [inner(item, "message") or item for item in items]
    pairs = zip(items, messages, strict=True)
    found = [(item, message, usage) for item, message in pairs if (usage := usage_in(message, "usage", FIELDS))]
    usages = [usage for _, _, usage in found]
    begun = [_begins(item, message, first=streamed and not place) for place, (item, message, _) in enumerate(found)]
    tally = Tally(NAME)
    complete = count_usage(tally, usages, begun)
    tier = newest_name(usages, "service_tier") or newest_name(messages, "service_tier")
    speed = newest_name(usages, "speed")
    heard = Heard(
        usages=usages,
        model=newest_name(messages, "model"),
        tier=tier,
        ids=[name for _, message, _ in found if (name := word(message, "id"))],
        characters=sum(_streamed(item) for item in items) or sum(_characters(item) for item in messages),
    )
    # Fast mode has prices of its own, whatever the tier: to the price book it is one.
    return conclude(tally, heard, tier=tier if speed in (None, "standard") else speed, complete=complete, tools={})


def _begins(item: Json, message: Json, *, first: bool) -> bool:
    """Whether the usage of `message`, in the event `item`, is that of a stream's start: its one output token or so is
    no figure yet. A usage object without a type is one where it is the `first` of a list."""
    kind = word(item, "type")
    if kind == "message":
        # A finished message has a reason for its end. The SDK's snapshot of a stream that was cut has none.
        return "stop_reason" in message and message["stop_reason"] is None
    return kind == "message_start" or (first and not kind)


def _streamed(item: Json) -> int:
    return length(inner(item, "delta"), "text", "thinking", "partial_json") if "delta" in item else 0


def _characters(message: Json) -> int:
    blocks = each(message, "content")
    return sum(length(block, "text", "thinking") + length_within(block.get("input")) for block in blocks)
