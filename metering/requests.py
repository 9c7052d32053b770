"""What agents may send. Decoding checks types, ranges and unknown fields in one go. Pure: bytes in, requests out."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from common.problems import InvalidFields, Malformed
from providers.leaves import INPUT_SIDE, TOOL_CALLS, Leaf

MOST_TOKENS = 2_000_000_000
Tokens = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
OutputTokens = Annotated[int, Meta(ge=1, le=MOST_TOKENS)]
# No control characters: PostgreSQL refuses NUL in text, and the rest would break lines of logs and CSV. `$` alone would
# let a line break at the end through.
Label = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Usage = Annotated[
    dict[Leaf, Tokens], Meta(min_length=1, description="Tokens by disjoint leaf; absent is not measured.")
]

# A string, since a float is no amount of money.
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
# Any escape of JSON, so that of a backslash and letters that only look like one nothing is taken: half a pair is named.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
Body = TypeVar("Body", bound=Struct)


class Authorise(Struct, forbid_unknown_fields=True, frozen=True):
    """A call about to be made. `input_tokens` is an upper bound; absent `max_output_tokens` means 4,096 at most."""

    provider: Label
    model: Label
    input_tokens: Tokens
    input_leaves: list[Leaf] | None = None
    max_output_tokens: OutputTokens | None = None
    min_output_tokens: OutputTokens = 1
    service_tier: Label | None = None
    tools: dict[Leaf, Annotated[int, Meta(ge=0, le=1000)]] = {}
    key_source: Literal["platform"] = "platform"
    project: Label | None = None
    agent: Label | None = None
    user: Label | None = None
    run: Label | None = None
    dispatched: bool = False
    ttl_seconds: Annotated[int, Meta(ge=30, le=86_400)] = 600

    def __post_init__(self) -> None:
        if self.max_output_tokens is not None and self.min_output_tokens > self.max_output_tokens:
            raise ValueError("min_output_tokens is above max_output_tokens")
        if self.input_leaves is not None and not (self.input_leaves and set(self.input_leaves) <= INPUT_SIDE):
            raise ValueError("input_leaves names leaves of the input, at least one")
        if not set(self.tools) <= TOOL_CALLS:
            raise ValueError("tools names server tools: " + ", ".join(sorted(TOOL_CALLS)))


class Progress(Struct, forbid_unknown_fields=True, frozen=True):
    """What a running call has used so far: cumulative; `seq` grows with each report."""

    seq: Annotated[int, Meta(ge=0, le=2**53)]
    usage: Usage

    def __post_init__(self) -> None:
        _require_countable(self.usage)


class Settle(Struct, forbid_unknown_fields=True, frozen=True):
    """What a call used in the end: `usage` by leaf, or the provider's own answer as it is.

    `provider_response` is the response of the provider's API, its usage object alone, or the list of a stream's events.
    `model` and `service_tier`: as the provider's response named them, where it is not sent itself.
    """

    usage: Usage | UnsetType = UNSET
    provider_response: Any | UnsetType = UNSET
    status: Literal["completed", "cancelled", "failed"] = "completed"
    model: Label | None = None
    service_tier: Label | None = None

    def __post_init__(self) -> None:
        if (self.usage is UNSET) is (self.provider_response is UNSET):
            raise ValueError("field `usage` or field `provider_response` is needed, and not both")
        if isinstance(self.usage, dict):
            _require_countable(self.usage)


class Release(Struct, forbid_unknown_fields=True, frozen=True):
    """Nothing to say: the call was not made."""


class RunBudget(Struct, forbid_unknown_fields=True, frozen=True):
    """The envelope of a whole run: what its calls may cost together. Sent again unchanged, it changes nothing."""

    run: Label
    amount: Amount
    hard: bool = True
    alert_percent: Annotated[int, Meta(ge=1, le=100)] | None = None

    def __post_init__(self) -> None:
        if not _AMOUNT.fullmatch(self.amount):  # the pattern of the schema takes a line break at its end
            raise ValueError("field `amount` is a decimal string such as 2.50")


def _require_countable(usage: dict[Leaf, int]) -> None:
    if Leaf.REQUEST in usage:
        raise ValueError("field `usage` can't name `request`: a call is one, which is counted here")


def decode(kind: type[Body], body: bytes) -> Body:
    """Read a request body. Raises `Malformed` where it is not JSON, `InvalidFields` where a field can't be used."""
    try:
        return msgspec.json.decode(_json(kind, body or b"{}"), type=kind)
    except msgspec.ValidationError as error:
        raise InvalidFields(str(error), errors=[{"field": _field(str(error)), "message": str(error)}]) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Malformed("The body is not valid JSON, or it names a field twice.") from None


def _json(kind: type[Struct], body: bytes) -> bytes:
    """`body`, where all of it is JSON: a decoder for one type stops at the first field that it refuses."""
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        if kind is not Settle:
            raise
        body = _without_halves(body)
        msgspec.json.decode(body)
    json.loads(body, object_pairs_hook=_once_each)
    return body


def _without_halves(body: bytes) -> bytes:
    """`body` with U+FFFD for each half of a surrogate pair that stands alone within the provider's answer.

    Models produce them where a stream cuts an emoji in two, and an answer must be settled as it came. Raises
    `ValueError` where the caller's own fields hold one.
    """
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError
    own = {name: value for name, value in fields.items() if name != "provider_response"}
    json.dumps(own, ensure_ascii=False).encode()
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found["half"] else found[0], body)


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Parsers disagree on which of two equal names counts, and money hangs on it.
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError
    return {}


def _field(message: str) -> str:
    """The field that a message of msgspec is about: it names either the place or the field itself."""
    place = re.search(r"`\$\.?([^`]*)`", message)
    named = re.search(r"field `([^`]+)`", message)
    parts = [found[1] for found in (place, named) if found and found[1]]
    return ".".join(parts)


def idempotency_key(header: str | None) -> str:
    """The Idempotency-Key of a call: 1 to 200 visible ASCII characters. Raises `Malformed`."""
    if header is None or not _KEY.fullmatch(header):
        raise Malformed("An Idempotency-Key header of 1 to 200 visible ASCII characters is required.")
    return header


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What a key was used for: the same key with anything else is a mistake of the caller's, and money is involved."""
    return hashlib.blake2b(b"\0".join((method.encode(), path.encode(), body)), digest_size=16).hexdigest()
