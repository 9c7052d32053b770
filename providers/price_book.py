"""The price book a new installation starts with: list prices per 1M as the providers publish them (read 2026-11)."""

from decimal import Decimal
from typing import NamedTuple

from providers.leaves import Leaf

PROVIDERS = {"anthropic": "Anthropic", "openai": "OpenAI", "google": "Google"}
SOURCES = {
    "anthropic": "https://claude.com/pricing",
    "openai": "https://platform.openai.com/docs/pricing",
    "google": "https://ai.google.dev/gemini-api/docs/pricing",
}


class Listed(NamedTuple):
    """A model as listed. `prices`: (leaf, price per 1M, input tokens above which it holds: 0 = always)."""

    provider: str
    name: str
    aliases: tuple[str, ...]
    access_class: str
    context: int
    max_output: int
    prices: tuple[tuple[Leaf, Decimal, int], ...]


def _listed(*prices: tuple[Leaf, str] | tuple[Leaf, str, int]) -> tuple[tuple[Leaf, Decimal, int], ...]:
    return tuple((p[0], Decimal(p[1]), p[2] if len(p) > 2 else 0) for p in prices)


# A provider's $10 for 1,000 searches is 10,000 for 1M.
MODELS = [
    Listed(
        "anthropic", "claude-opus-4-6", ("claude-opus-4-6-latest",), "advanced", 1_000_000, 128_000,
        _listed((Leaf.INPUT, "5"), (Leaf.OUTPUT, "25"), (Leaf.CACHE_READ, "0.5"), (Leaf.CACHE_WRITE_5M, "6.25"),
                (Leaf.CACHE_WRITE_1H, "10"), (Leaf.WEB_SEARCH, "10000")),
    ),
    Listed(
        "anthropic", "claude-haiku-4-5", ("claude-haiku-4-5-20251001",), "standard", 200_000, 64_000,
        _listed((Leaf.INPUT, "1"), (Leaf.OUTPUT, "5"), (Leaf.CACHE_READ, "0.1"), (Leaf.CACHE_WRITE_5M, "1.25"),
                (Leaf.CACHE_WRITE_1H, "2"), (Leaf.WEB_SEARCH, "10000")),
    ),
    Listed(
        "openai", "gpt-5.2", ("gpt-5.2-2025-12-11",), "advanced", 400_000, 128_000,
        _listed((Leaf.INPUT, "1.75"), (Leaf.OUTPUT, "14"), (Leaf.CACHE_READ, "0.175"), (Leaf.WEB_SEARCH, "10000"),
                (Leaf.FILE_SEARCH, "2500")),
    ),
    Listed(
        "openai", "gpt-5.4-mini", (), "standard", 400_000, 128_000,
        _listed((Leaf.INPUT, "0.75"), (Leaf.OUTPUT, "4.5"), (Leaf.CACHE_READ, "0.075"), (Leaf.WEB_SEARCH, "10000"),
                (Leaf.FILE_SEARCH, "2500")),
    ),
    Listed(
        "google", "gemini-2.5-pro", (), "advanced", 1_048_576, 65_536,
        _listed((Leaf.INPUT, "1.25"), (Leaf.OUTPUT, "10"), (Leaf.CACHE_READ, "0.125"), (Leaf.INPUT, "2.5", 200_000),
                (Leaf.OUTPUT, "15", 200_000), (Leaf.CACHE_READ, "0.25", 200_000), (Leaf.WEB_SEARCH, "35000")),
    ),
    Listed(
        "google", "gemini-2.5-flash", (), "standard", 1_048_576, 65_536,
        _listed((Leaf.INPUT, "0.3"), (Leaf.OUTPUT, "2.5"), (Leaf.CACHE_READ, "0.03"), (Leaf.INPUT_AUDIO, "1"),
                (Leaf.WEB_SEARCH, "35000")),
    ),
]  # fmt: skip
