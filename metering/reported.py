"""What a settlement reports, as leaves: named by the caller, or read out of the provider's own answer. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from common.problems import InvalidFields
from metering.estimating import estimate
from metering.normalising import Normalised, UnreadableUsage, normalise
from metering.requests import Settle
from providers.leaves import Leaf

RAW_LIMIT = 16 * 1024  # bytes of a provider's usage figures that a usage record keeps
ESTIMATED = "The provider's answer has no complete usage: it is estimated."


class Reported(NamedTuple):
    """Usage by disjoint leaf, in tokens or calls; `raw` is what the provider said, as JSON, None where nothing was."""

    leaves: Mapping[Leaf, int]
    model: str | None
    service_tier: str | None
    estimated: bool
    flags: tuple[str, ...]
    raw: msgspec.Raw | None


def read(report: Settle, *, provider: str, declared_input: int, progress: Mapping[str, int]) -> Reported:
    """What `report` says was used.

    `provider` is the slug of who served the call; `declared_input` and `progress` (tokens) step in where the provider's
    answer has no usage. Raises `InvalidFields` for an answer that can't be read.
    """
    if isinstance(report.usage, dict):
        return Reported(report.usage, report.model, report.service_tier, False, (), None)
    found = _normalised(provider, report.provider_response)
    leaves: Mapping[Leaf, int] = found.leaves
    if not found.complete:
        leaves = estimate(
            declared_input=declared_input, progress=progress, measured=found.leaves,
            streamed_characters=found.streamed_characters,
        )  # fmt: skip
    return Reported(
        leaves,
        found.model or report.model,
        found.service_tier or report.service_tier,
        not found.complete,
        (*(() if found.complete else (ESTIMATED,)), *found.flags),
        _kept(found.raw),
    )


def _normalised(provider: str, response: Any) -> Normalised:
    try:
        return normalise(provider, response)
    except UnreadableUsage as error:
        message = str(error)
        raise InvalidFields(message, errors=[{"field": "provider_response", "message": message}]) from None


def _kept(raw: dict[str, Any]) -> msgspec.Raw:
    # PostgreSQL's jsonb takes no NUL character; a provider's figures have no use for one.
    text = json.dumps(raw, separators=(",", ":")).replace("\\u0000", "")
    return msgspec.Raw(text if len(text) <= RAW_LIMIT else '{"omitted":"larger than 16 KiB"}')
