"""What a settlement reports, as leaves: named by the caller, or read out of the provider's own answer. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from common.problems import InvalidFields
from metering.estimating import estimate, reported_input
from metering.normalising import Normalised, UnreadableUsage, normalise
from metering.requests import Settle
from providers.leaves import Leaf

RAW_LIMIT = 16 * 1024  # bytes of a provider's usage figures that a usage record keeps
ESTIMATED = "The provider's answer has no complete usage: it is estimated."
REFUSED = "The provider answered with an error: nothing was used."


class Reported(NamedTuple):
    """Usage by disjoint leaf, in tokens or calls; none where the provider refused to begin. `raw` is what the provider
    said, as JSON, None where nothing was. `class_tokens`: see `metering.rating.rate_usage`."""

    leaves: Mapping[Leaf, int]
    model: str | None
    service_tier: str | None
    estimated: bool
    flags: tuple[str, ...]
    raw: msgspec.Raw | None
    class_tokens: int | None = None


def read(report: Settle, *, provider: str, declared_input: int, progress: Mapping[str, int]) -> Reported:
    """What `report` says was used.

    `provider` is the slug of who served the call; `declared_input` and `progress` (tokens) step in where the provider's
    answer has no usage. Raises `InvalidFields` for an answer that can't be read.
    """
    if isinstance(report.usage, dict):
        return Reported(report.usage, report.model, report.service_tier, False, (), None)
    found = _normalised(provider, report.provider_response)
    if found.refused and not any(progress.values()):
        return Reported({}, found.model, found.service_tier, False, (REFUSED,), _kept(found.raw))
    leaves: Mapping[Leaf, int] = found.leaves
    if not found.complete:
        # The caller's own figure, where it gave one: the declared bound may be far above what was sent.
        leaves = estimate(
            input_bound=reported_input(progress) or declared_input, progress=progress, measured=found.leaves,
            streamed_characters=found.streamed_characters,
        )  # fmt: skip
    return Reported(
        leaves,
        found.model or report.model,
        found.service_tier or report.service_tier,
        not found.complete,
        (*(() if found.complete else (ESTIMATED,)), *found.flags),
        _kept(found.raw),
        found.largest_request,
    )


def _normalised(provider: str, response: Any) -> Normalised:
    try:
        return normalise(provider, response)
    except UnreadableUsage as error:
        message = str(error)
        raise InvalidFields(message, errors=[{"field": "provider_response", "message": message}]) from None


def _kept(raw: dict[str, Any]) -> msgspec.Raw:
    text = json.dumps(raw, separators=(",", ":"))
    return msgspec.Raw(text if len(text) <= RAW_LIMIT else '{"omitted":"larger than 16 KiB"}')
