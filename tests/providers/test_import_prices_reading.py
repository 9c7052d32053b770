"""Reading the list: what becomes a rate, in which unit and class, and what is left out with its reason."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, StartDateConstraint, Tier, TieredPrices
from genai_prices.types import TimeOfDateConstraint as TimeOfDay

from providers.importing.listed import Listed
from providers.importing.slots import Slot
from providers.importing.world import installed_world
from providers.leaves import Leaf
from tests.providers.imports import a_model, a_world, variant

D, L = Decimal, Leaf
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def read(model: ModelInfo) -> Listed:
    found = a_world(AT, model).find("test", model.id)
    assert found is not None
    return found


def prices(*, variants: list[Any] | None = None, **listed: Any) -> dict[Slot, Decimal]:
    found = read(a_model(prices=listed, price_variants=variants))
    assert found.refused == ""
    return dict(found.steps[0].prices)


def test_units_become_dollars_per_million() -> None:
    found = prices(
        input_mtok=D("1.5"), web_searches_kcount=D(10), storage_searches_kcount=D("2.5"), code_executions_kcount=D(1),
        requests_kcount=D(12),
    )  # fmt: skip
    assert found == {
        Slot(L.INPUT): D("1.5"), Slot(L.WEB_SEARCH): D(10_000), Slot(L.FILE_SEARCH): D(2_500),
        Slot(L.CODE_EXECUTION): D(1_000), Slot(L.REQUEST): D(12_000),
    }  # fmt: skip


def test_null_makes_no_rate_and_zero_only_where_it_is_said() -> None:
    found = prices(input_mtok=D(0), output_mtok=D(2), cache_read_mtok=None, web_searches_kcount=None)
    assert found == {Slot(L.INPUT): D(0), Slot(L.OUTPUT): D(2)}


def test_size_classes_begin_above_their_start() -> None:
    found = prices(input_mtok=TieredPrices(D(1), [Tier(200_000, D(2)), Tier(100_000, D("1.5"))]), output_mtok=D(3))
    assert found == {
        Slot(L.INPUT): D(1), Slot(L.INPUT, above=100_000): D("1.5"), Slot(L.INPUT, above=200_000): D(2),
        Slot(L.OUTPUT): D(3),
    }  # fmt: skip


def test_a_write_without_a_price_of_its_own_is_priced_as_any_write() -> None:
    found = prices(input_mtok=D(5), cache_write_mtok=D("6.25"), cache_write_1h_mtok=D(10))
    writes = {Slot(L.CACHE_WRITE_5M): D("6.25"), Slot(L.CACHE_WRITE_1H): D(10), Slot(L.CACHE_WRITE): D("6.25")}
    assert found == {Slot(L.INPUT): D(5)} | writes


def test_cached_speech_costs_what_speech_does_where_reading_has_no_price() -> None:
    assert prices(input_mtok=D(1), input_audio_mtok=D(9))[Slot(L.CACHE_READ_AUDIO)] == D(9)
    # With a price for reading it is that, as our own leaves nest, and needs no rate.
    with_reads = prices(input_mtok=D(1), input_audio_mtok=D(9), cache_read_mtok=D(2))
    assert Slot(L.CACHE_READ_AUDIO) not in with_reads


def test_tiers_are_named_by_how_fast_and_hold_only_what_differs() -> None:
    found = prices(
        input_mtok=D(4), output_mtok=D(8),
        variants=[
            variant({"service_tier": "default"}), variant({"service_tier": "flex"}, input_mtok=D(2)),
            variant({"processing": "batch"}, output_mtok=TieredPrices(D(3), [Tier(10, D(5))])),
            variant({"speed": "fast"}, input_mtok=D(9), output_mtok=None),
        ],
    )  # fmt: skip
    assert {slot: price for slot, price in found.items() if slot.tier != "standard"} == {
        Slot(L.INPUT, "flex"): D(2), Slot(L.OUTPUT, "batch"): D(3), Slot(L.OUTPUT, "batch", 10): D(5),
        Slot(L.INPUT, "fast"): D(9),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("variants", "told"),
    [
        ([variant({"route": "eu"}, input_mtok=D(1))], "no service tier of ours"),
        ([variant({"service_tier": "flex", "route": "eu"}, input_mtok=D(1))], "no service tier of ours"),
        ([variant({"service_tier": "default"}, input_mtok=D(1))], "the standard tier has other ones"),
        ([variant({"speed": "fast"}, TimeOfDay(time(1), time(2)), input_mtok=D(1))], "they depend on the time of day"),
        (
            [variant({"speed": "fast"}, input_mtok=D(1)), variant({"service_tier": "fast"}, input_mtok=D(2))],
            "it stands for two kinds of request",
        ),
    ],
)
def test_a_variant_that_is_no_tier_is_told_and_left_out(variants: list[Any], told: str) -> None:
    found = read(a_model(prices={"input_mtok": D(4)}, price_variants=variants))
    assert [told in sentence for sentence in found.unread] == [True]
    assert dict(found.steps[0].prices) == {Slot(L.INPUT): D(4)}


def begins(day: date, **listed: Any) -> ConditionalPrice:
    return ConditionalPrice(StartDateConstraint(day), prices=ModelPrice(**listed))


def test_history_is_left_behind_and_days_to_come_are_steps() -> None:
    history = [
        ConditionalPrice(prices=ModelPrice(input_mtok=D(9))),
        begins(date(2026, 3, 1), input_mtok=D(5)),
        begins(date(2026, 12, 1), input_mtok=D(7)),
    ]
    found = read(a_model(prices=history, price_variants=[
        variant({"processing": "batch"}, StartDateConstraint(date(2027, 1, 1)), input_mtok=D(3)),
    ]))  # fmt: skip
    flat, batch = Slot(L.INPUT), Slot(L.INPUT, "batch")
    assert [(step.starts, dict(step.prices)) for step in found.steps] == [
        (AT, {flat: D(5)}),
        (datetime(2026, 12, 1, tzinfo=UTC), {flat: D(7)}),
        (datetime(2027, 1, 1, tzinfo=UTC), {flat: D(7), batch: D(3)}),
    ]


REFUSED = [
    ({"input_mtok": D(-1)}, "never negative"),
    ({"input_mtok": TieredPrices(D(1), [Tier(10, D(-2))])}, "never negative"),
    ({"input_mtok": D("NaN")}, "never negative"),
    ({"input_mtok": D("0.0000000001")}, "nine places"),
    ({"web_searches_kcount": D("1e9")}, "nine places"),
    ({"input_mtok": TieredPrices(D(1), [Tier(0, D(2))])}, "size classes at [0]"),
    ({"input_mtok": TieredPrices(D(1), [Tier(5, D(2)), Tier(5, D(3))])}, "size classes at [5, 5]"),
    ([ConditionalPrice(TimeOfDay(time(1), time(2)), prices=ModelPrice(input_mtok=D(1)))], "time of day"),
]


@pytest.mark.parametrize(("listed", "told"), REFUSED)
def test_what_can_be_no_rate_refuses_its_model(listed: Any, told: str) -> None:
    found = read(a_model(prices=listed))
    assert told in found.refused
    assert found.steps == ()


def test_units_that_no_leaf_counts_are_named() -> None:
    found = read(a_model(prices={"input_mtok": D(1), "audio_hours": D(2), "input_mchars": D(3)}))
    assert found.uncounted == ("audio_hours", "input_mchars")
    assert dict(found.steps[0].prices) == {Slot(L.INPUT): D(1)}


def test_only_names_that_are_one_models_literally_are_its_own() -> None:
    first = a_model("m-1", {}, ("m-1-2026-01-01", "shared"))
    world = a_world(AT, first, a_model("m-2", {}, ("shared",)))
    found = world.find("test", "m-1")
    assert found is not None
    assert found.aliases == ("m-1", "m-1-2026-01-01")
    assert world.find("test", "unknown") is None
    assert world.find("other", "m-1") is None


def test_the_installed_list_has_what_we_sell_and_what_the_future_brings() -> None:
    world = installed_world(AT)
    opus = world.find("anthropic", "claude-opus-4-6")
    assert opus is not None
    assert opus.steps[0].prices[Slot(L.CACHE_WRITE_1H)] == D(10)
    assert not [slot for slot in opus.steps[0].prices if slot.above]  # the class above 200,000 ended in March
    argon = world.find("google", "gemini-4-argon")
    assert argon is not None
    assert [(step.starts.date().isoformat(), step.prices[Slot(L.INPUT)]) for step in argon.steps] == [
        ("2026-11-25", D(2)), ("2026-12-01", D(4))
    ]  # fmt: skip
    assert world.source("anthropic") == "genai-prices 0.2.3, https://www.anthropic.com/pricing#api"
    night = world.find("deepseek", "deepseek-chat")
    assert night is not None
    assert "time of day" in night.refused
