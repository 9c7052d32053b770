"""The models that answer here. A name without a date is served by its dated snapshot, as the providers do it."""

from dataclasses import dataclass

from local.providers.errors import Kind, Refused


@dataclass(frozen=True)
class Model:
    """`snapshot` is what its answers say served them; limits in tokens; `thinks`: it reasons without being asked."""

    id: str
    snapshot: str
    name: str
    max_input: int
    max_output: int
    released: str
    thinks: bool = False


MODELS: dict[str, tuple[Model, ...]] = {
    "openai": (
        Model("gpt-5.2", "gpt-5.2-2025-12-11", "GPT-5.2", 400_000, 128_000, "2025-12-11"),
        Model("gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", "GPT-5.4 mini", 400_000, 128_000, "2026-03-17"),
        Model("gpt-5-mini", "gpt-5-mini-2025-08-07", "GPT-5 mini", 400_000, 128_000, "2025-08-07", thinks=True),
        Model("gpt-4o", "gpt-4o-2024-08-06", "GPT-4o", 128_000, 16_384, "2024-08-06"),
    ),
    "anthropic": (
        Model("claude-opus-4-6", "claude-opus-4-6", "Claude Opus 4.6", 1_000_000, 128_000, "2026-02-05"),
        Model("claude-opus-4-5", "claude-opus-4-5-20251101", "Claude Opus 4.5", 200_000, 64_000, "2025-11-24"),
        Model("claude-haiku-4-5", "claude-haiku-4-5-20251001", "Claude Haiku 4.5", 200_000, 64_000, "2025-10-15"),
        Model("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", 1_000_000, 64_000, "2025-09-29"),
    ),
    "google": (
        Model("gemini-2.5-pro", "gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, 65_536, "2025-06-17", thinks=True),
        Model("gemini-2.5-flash", "gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, 65_536, "2025-06-17"),
        Model(
            "gemini-2.5-flash-lite", "gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 1_048_576, 65_536, "2025-07-22"
        ),
    ),
}


def find(provider: str, name: str) -> Model:
    """The model of that name, of its snapshot's or with `-latest`. Raises Refused for one that is not served."""
    for model in MODELS[provider]:
        if name in (model.id, model.snapshot, f"{model.id}-latest"):
            return model
    raise Refused(Kind.UNKNOWN, f"The model {name!r} does not exist here.")
