"""What we charge at imported rates and markup 1 is what the list's own calculator says, to the last digit."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from django.core.management import call_command
from genai_prices.data import providers as listed
from genai_prices.types import ModelInfo

from common.clock import billing_now
from metering.rating import Terms, rate_usage
from metering.terms import terms_of
from providers.leaves import INPUT_SIDE, OUTPUT_SIDE, TOOL_CALLS, Leaf
from providers.models import Model, Provider
from providers.selectors import all_models, rates_in_force
from tests.factories import make_plan
from tests.providers.imports import run

SLUGS = ("anthropic", "openai", "google", "perplexity")
SEEDS = ("claude-opus-4-6", "claude-haiku-4-5", "gemini-2.5-pro")
LATER = datetime(2027, 2, 1, tzinfo=UTC)  # after every price that the list has planned
Usage = dict[Leaf, int]


@pytest.fixture
def book(transactional_db: None) -> list[Model]:
    """Every model of four providers that can be added, with all the list has on it."""
    call_command("load_price_book")
    Provider.objects.get_or_create(slug="perplexity", defaults={"name": "Perplexity"})
    facts = ("--access-class", "standard", "--max-output", "1000", "--context-window", "10000000")
    assert run("--new", *facts, "--accept", "--apply").code == 0
    return list(all_models())


def the_lists(usage: Usage) -> genai_prices.Usage:
    """Our disjoint leaves as the list's overlapping totals."""

    def total(*leaves: Leaf) -> int:
        return sum(usage.get(leaf, 0) for leaf in leaves)

    return genai_prices.Usage(
        input_tokens=total(*INPUT_SIDE),
        cache_read_tokens=total(Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO, Leaf.CACHE_READ_IMAGE),
        cache_audio_read_tokens=total(Leaf.CACHE_READ_AUDIO),
        cache_image_read_tokens=total(Leaf.CACHE_READ_IMAGE),
        cache_write_tokens=total(Leaf.CACHE_WRITE, Leaf.CACHE_WRITE_5M, Leaf.CACHE_WRITE_1H),
        cache_write_5m_tokens=total(Leaf.CACHE_WRITE_5M),
        cache_write_1h_tokens=total(Leaf.CACHE_WRITE_1H),
        input_audio_tokens=total(Leaf.INPUT_AUDIO, Leaf.CACHE_READ_AUDIO),
        input_image_tokens=total(Leaf.INPUT_IMAGE, Leaf.CACHE_READ_IMAGE),
        input_video_tokens=total(Leaf.INPUT_VIDEO),
        output_tokens=total(*OUTPUT_SIDE),
        output_reasoning_tokens=total(Leaf.REASONING),
        output_audio_tokens=total(Leaf.OUTPUT_AUDIO),
        output_image_tokens=total(Leaf.OUTPUT_IMAGE),
        web_searches=total(Leaf.WEB_SEARCH),
        storage_searches=total(Leaf.FILE_SEARCH),
        code_executions=total(Leaf.CODE_EXECUTION),
    )


def usages(dice: random.Random, starts: set[int]) -> Iterator[Usage]:
    """Mixed calls, and one on each side of every size class."""
    sums = {*(start + more for start in starts for more in (0, 1)), 200_000, 200_001, 900_000, 1}
    for total in sorted(sums):
        used = dict.fromkeys(INPUT_SIDE, 0)
        for _ in range(3):
            used[dice.choice(list(INPUT_SIDE))] += total // 4
        used[Leaf.INPUT] += total - sum(used.values())
        used |= {leaf: dice.randrange(5_000) for leaf in OUTPUT_SIDE}
        yield used | {leaf: dice.randrange(4) for leaf in TOOL_CALLS - {Leaf.WEB_FETCH}}


def contexts(model: ModelInfo) -> dict[str, dict[str, str]]:
    """The list's contexts by our names for them; others are no service tiers, which the import says."""
    tiers = [v.when for v in model.price_variants or [] if v.when.keys() <= {"service_tier", "processing", "speed"}]
    return {"standard": {}, **{name: when for when in tiers for name in when.values()}}


def differences(terms: Terms, at: datetime, dice: random.Random) -> Iterator[str]:
    provider = next(p for p in listed if p.id == terms.provider)
    model = provider.find_model(terms.model)
    assert model is not None
    for tier, context in contexts(model).items():
        for usage in usages(dice, {rate.class_above for rate in terms.rates if rate.class_above}):
            priced = usage | ({Leaf.REQUEST: 1} if any(r.leaf is Leaf.REQUEST for r in terms.rates) else {})
            ours = rate_usage(terms, priced, tier=None if tier == "default" else tier).exact
            theirs = genai_prices.calc_price(
                the_lists(usage), terms.model, provider_id=terms.provider, genai_request_timestamp=at,
                price_context=context,
            ).total_price  # fmt: skip
            if ours != theirs:
                yield f"{terms.provider}/{terms.model} {tier} {at:%Y-%m-%d}: {ours} is not {theirs} for {usage}"


@pytest.mark.parametrize("when", [None, LATER], ids=["now", "after all planned prices"])
def test_every_model_tier_and_size_costs_what_the_list_says(book: list[Model], when: datetime | None) -> None:
    assert len(book) > 150
    assert set(SEEDS) <= {model.name for model in book}
    plan, dice, at = make_plan(), random.Random(11), when or billing_now()
    rates: dict[int, list[Any]] = {}
    for rate in rates_in_force([model.pk for model in book], at):
        rates.setdefault(rate.model_id, []).append(rate)
    found = [d for m in book if m.provider.slug in SLUGS for d in differences(terms_of(m, plan, rates[m.pk]), at, dice)]
    assert found == []


def test_the_cliff_is_where_the_list_has_it(book: list[Model]) -> None:
    model = next(m for m in book if m.name == "gemini-2.5-pro")
    terms = terms_of(model, make_plan(), rates_in_force([model.pk], billing_now()))
    for tokens, tier, right in (
        (200_000, None, "0.25"), (200_001, None, "0.5000025"),
        (200_000, "batch", "0.125"), (200_001, "batch", "0.25000125"),
    ):  # fmt: skip
        assert rate_usage(terms, {Leaf.INPUT: tokens}, tier=tier).exact == Decimal(right)
