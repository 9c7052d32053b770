"""A provider's answer as JSON, whichever form the caller has it in."""

from collections.abc import Mapping
from typing import Any


def as_json(value: Any) -> Any:
    """`value` as plain JSON data.

    SDK objects (pydantic models) are taken in the names and forms of the provider's own JSON: with fields the SDK does
    not know, without those the provider did not send; one that was null stays null.
    """
    if hasattr(value, "model_dump"):
        # Without warnings: SDKs build their objects unvalidated, and a new value is no reason to lose the usage.
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value
