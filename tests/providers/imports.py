"""What tests of importing prices share: the command as it is called, and lists made up for one test."""

import json
from contextlib import suppress
from io import StringIO
from typing import Any, NamedTuple

from django.core.management import CommandError, call_command
from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, ModelPrice, PriceVariant, Provider

from providers.importing.world import World


class Ran(NamedTuple):
    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str) -> Ran:
    """`manage.py import_prices` with its exit code, as a shell would see it."""
    out, errors, code = StringIO(), StringIO(), 0
    try:
        call_command("import_prices", *arguments, stdout=out, stderr=errors)
    except SystemExit as left:
        code = int(left.code or 0)
    except CommandError as refused:
        code, told = refused.returncode, str(refused)
        errors.write(told)
    return Ran(code, out.getvalue(), errors.getvalue())


def a_model(name: str = "model", prices: Any = None, names: tuple[str, ...] = (), **fields: Any) -> ModelInfo:
    match: Any = ClauseOr([ClauseEquals(n) for n in (name, *names)])
    with suppress(TypeError):
        prices = ModelPrice(**prices)
    return ModelInfo(id=name, match=match, prices=prices, **fields)


def variant(when: dict[str, str], constraint: Any = None, **prices: Any) -> PriceVariant:
    return PriceVariant(when=when, prices=ModelPrice(**prices), constraint=constraint)


def a_world(at: Any, *models: ModelInfo, provider: str = "test", edition: str = "genai-prices 9.9.9") -> World:
    made = Provider(id=provider, name=provider.title(), api_pattern="x", pricing_urls=["https://prices.example"],
                    models=list(models))  # fmt: skip
    return World([made], edition, at)
