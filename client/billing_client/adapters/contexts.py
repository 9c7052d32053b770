"""No request is larger than its model's context, and the server refuses more: bytes are a wide bound for long texts."""

from collections.abc import Iterable
from typing import Any

from billing_client.prices import Model

# Below this, asking for the models would cost more than it saves.
LARGE = 32_000


class Contexts:
    """The context windows of models in tokens, once they are known."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], int] = {}

    def are_needed(self, arguments: dict[str, Any]) -> bool:
        """True for a large bound, until the models are known."""
        return arguments["input_tokens"] > LARGE and not self._tokens

    def learn(self, models: Iterable[Model]) -> None:
        for model in models:
            for name in (model.model, *model.aliases):
                self._tokens[model.provider, name] = model.context_tokens

    def capped(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of an authorisation with an input that fits the model."""
        context = self._tokens.get((arguments["provider"], arguments["model"]), arguments["input_tokens"])
        return {**arguments, "input_tokens": min(arguments["input_tokens"], context)}
