"""What tests of importing prices share: the command as it is called, and lists made up for one test."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple

from django.core.management import CommandError, call_command
from genai_prices.types import ClauseEquals, ClauseOr, ClauseStartsWith, ModelInfo, ModelPrice, PriceVariant, Provider

from common.clock import billing_now
from providers.importing.world import World
from providers.models import Model, Rate
from providers.selectors import rates_in_force
from tests.factories import make_model

Says = Callable[..., None]


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


def listed_model(prices: dict[str, str], *, name: str = "model") -> Model:
    """A model of the book with prices that an older list had."""
    model = make_model({}, name=name)
    for leaf, price in prices.items():
        add_rate(model, leaf, price)
    return model


def add_rate(model: Model, leaf: str, price: str, **fields: Any) -> Rate:
    """A further rate, from an older list unless another source is named."""
    known = {"effective_from": datetime(2026, 1, 1, tzinfo=UTC), "source": "genai-prices 9.9.8, https://prices.example"}
    return Rate.objects.create(model=model, leaf=leaf, price=Decimal(price), **known | fields)


def in_force(model: Model) -> dict[tuple[str, str, int], Decimal | None]:
    return {(r.leaf, r.service_tier, r.class_above): r.price for r in rates_in_force([model.pk], billing_now())}


def a_model(
    name: str = "model", prices: Any = None, names: tuple[str, ...] = (), *, starts: str = "", **fields: Any
) -> ModelInfo:
    """A model of the list, which is charged of `names`, too, and of names that begin with `starts`."""
    beginnings = [ClauseStartsWith(starts)] if starts else []
    match: Any = ClauseOr([*(ClauseEquals(n) for n in (name, *names)), *beginnings])
    with suppress(TypeError):
        prices = ModelPrice(**prices)
    return ModelInfo(id=name, match=match, prices=prices, **fields)


def variant(when: dict[str, str], constraint: Any = None, **prices: Any) -> PriceVariant:
    return PriceVariant(when=when, prices=ModelPrice(**prices), constraint=constraint)


def a_world(at: Any, *models: ModelInfo, provider: str = "test", edition: str = "genai-prices 9.9.9") -> World:
    made = Provider(id=provider, name=provider.title(), api_pattern="x", pricing_urls=["https://prices.example"],
                    models=list(models))  # fmt: skip
    return World([made], edition, at)
