"""The official SDKs of providers, wrapped in one line: `client.wrap(sdk)`. The SDKs are imported only where one is."""

from importlib import import_module
from typing import Any, TypeVar

from billing_client.adapters.options import Options, checked

Sdk = TypeVar("Sdk")

# By the package that the SDK's client, or one of its bases, is defined in.
_ADAPTERS = {
    "openai": "billing_client.adapters.openai",
    "anthropic": "billing_client.adapters.anthropic",
    "google.genai": "billing_client.adapters.google",
    "billing_client.adapters": "billing_client.adapters.google",
}

__all__ = ["Options", "wrapped"]


def wrapped(sdk: Sdk, metering: Any, options: Options) -> Sdk:
    """The SDK's client with its calls metered. Raises TypeError for an unknown client or option."""
    for kind in type(sdk).__mro__:
        for package, adapter in _ADAPTERS.items():
            if f"{kind.__module__}.".startswith(f"{package}."):
                metered: Sdk = import_module(adapter).wrap(sdk, metering, checked(options))
                return metered
    raise TypeError(f"no adapter for {type(sdk).__module__}.{type(sdk).__qualname__}")
