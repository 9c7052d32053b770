"""The body of a request to Gemini. Like every protobuf API it takes names in camel case and in snake case, mixed."""

import re
from typing import Annotated, Any

import msgspec

from local.providers.errors import Kind, Refused
from local.providers.reception import Arrival


class _Thinking(msgspec.Struct, rename="camel"):
    include_thoughts: bool = False
    thinking_budget: int | None = None
    thinking_level: str | None = None

    def wanted(self) -> bool | None:
        """Whether it makes the model think; None: as it does by itself."""
        if self.thinking_budget is not None:
            return self.thinking_budget != 0  # -1: as much as it finds right
        return True if self.thinking_level or self.include_thoughts else None


class _Config(msgspec.Struct, rename="camel"):
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    thinking_config: _Thinking = msgspec.field(default_factory=_Thinking)


class Body(msgspec.Struct, rename="camel"):
    """What is looked at in a request; the rest is taken and ignored."""

    contents: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    system_instruction: dict[str, Any] | None = None
    tools: list[Any] | None = None
    generation_config: _Config = msgspec.field(default_factory=_Config)
    service_tier: str | None = None

    def parts(self) -> list[Any]:
        """All that counts as prompt."""
        return [self.contents, self.system_instruction, self.tools]


async def read(arrival: Arrival) -> Body:
    """The body. Raises Refused when it is malformed."""
    try:
        return msgspec.convert(_camel(await arrival.body(dict[str, Any])), Body)
    except msgspec.ValidationError as error:
        raise Refused(Kind.MALFORMED, str(error)) from error


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"_([a-z])", _upper, key): _camel(below) for key, below in value.items()}
    return [_camel(below) for below in value] if isinstance(value, list) else value


def _upper(found: re.Match[str]) -> str:
    return found[1].upper()
