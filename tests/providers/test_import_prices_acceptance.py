"""What `import_prices` writes only when somebody accepts it, what it ends, and what it leaves to a person."""

from datetime import timedelta
from decimal import Decimal

import pytest

from common.clock import billing_now
from providers.models import Model, Rate
from providers.price_book import SOURCES
from tests import database
from tests.api import Api
from tests.factories import make_tenant
from tests.providers.imports import Says, a_model, add_rate, in_force, listed_model, run, variant

pytestmark = pytest.mark.usefixtures("transactional_db")
D = Decimal
BOTH = {"input_mtok": D(5), "output_mtok": D(25)}
INPUT, READ, SEARCH = (("input", "standard", 0), ("cache_read", "standard", 0), ("web_search", "standard", 0))


def a_model_of_the_book() -> Model:
    return listed_model({"input": "5", "output": "25"})


# --- From nothing to something --------------------------------------------------------------------------------------
def test_a_first_price_for_what_was_not_charged_has_to_be_accepted(world: Says) -> None:
    model = a_model_of_the_book()
    world(a_model(prices={**BOTH, "web_searches_kcount": D(10), "requests_kcount": D(1)}))
    caller = Api(make_tenant(credits="100"))
    hold = caller.authorise(input_tokens=10).json()["id"]
    assert caller.settle(hold, input=0, web_search=3).json()["charged"] == "0.000000000"
    refused = run("--apply", "--dearer-than", "1000000")
    assert (refused.code, in_force(model).get(SEARCH)) == (2, None)
    assert refused.error.startswith("2 charges rise by more than 1000000 %")
    assert refused.out.count("not charged so far") == 2
    assert run("--apply", "--accept").code == 0
    assert in_force(model)[SEARCH] == 10_000


def test_a_tier_dearer_than_the_standard_one_has_to_be_accepted_and_a_cheaper_one_not(world: Says) -> None:
    model = a_model_of_the_book()
    world(a_model(prices=BOTH, price_variants=[variant({"processing": "batch"}, input_mtok=D("2.5"))]))
    assert run("--apply").code == 0
    twice = variant({"service_tier": "priority"}, input_mtok=D(10))
    world(a_model(prices=BOTH, price_variants=[variant({"processing": "batch"}, input_mtok=D("2.5")), twice]))
    refused = run("--apply")
    assert (refused.code, ("input", "priority", 0) in in_force(model)) == (2, False)
    assert "+100.0 %  at once  ! dearer than 20 %; charged as input ($5.00) so far" in refused.out


# --- What the list lost ---------------------------------------------------------------------------------------------
def test_a_premium_that_the_list_dropped_ends_and_calls_fall_to_the_base_price(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "input", "10", class_above=200_000)
    add_rate(model, "output", "75", service_tier="fast")
    world(a_model(prices=BOTH))
    shown = run()
    assert (shown.code, "To apply: 2 prices ended." in shown.out) == (1, True)
    assert "no longer listed; then charged as input ($5.00)" in shown.out
    assert run("--apply").code == 0
    assert in_force(model) == {INPUT: D(5), ("output", "standard", 0): D(25)}
    assert Rate.objects.get(model=model, price=None, leaf="input").source.startswith("genai-prices 9.9.9")
    caller = Api(make_tenant(credits="100"))
    hold = caller.authorise(input_tokens=1_000_000).json()["id"]
    assert caller.settle(hold, input=1_000_000).json()["charged"] == "5.000000000"
    assert run().out.startswith("Nothing to apply")


def test_where_the_price_that_is_left_is_dearer_it_has_to_be_accepted(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "cache_read", "0.5")
    world(a_model(prices=BOTH))
    refused = run("--apply")
    assert (refused.code, in_force(model)[READ]) == (2, D("0.5"))
    assert "! dearer than 20 %; no longer listed; then charged as input ($5.00)" in refused.out
    assert run("--apply", "--accept").code == 0
    assert READ not in in_force(model)


def test_a_price_that_nothing_stands_in_for_is_kept_said_and_ended_when_told(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "web_search", "10000")
    world(a_model(prices=BOTH))
    for asked in ((), ("--apply",), ("--apply", "--accept")):
        shown = run(*asked)
        assert (shown.code, in_force(model)[SEARCH]) == (1, D(10_000))
        assert "no longer listed; kept unless retired" in shown.out
        assert "1 price is no longer listed; it stays in force until retired." in shown.out
        assert "othing to apply" not in shown.out
        assert "Nothing" not in shown.error
    assert run("--retire", "--apply").code == 0
    assert SEARCH not in in_force(model)
    assert run("--retire").out.startswith("Nothing to apply")


def test_what_can_be_applied_is_and_the_rest_is_still_a_difference(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "web_search", "10000")
    world(a_model(prices={**BOTH, "input_mtok": D(4)}))
    done = run("--apply")
    assert (done.code, in_force(model)[INPUT]) == (1, D(4))
    assert (
        done.error.strip() == "Applied: 1 changed price. 1 price is no longer listed; it stays in force until retired."
    )


def test_a_model_that_the_list_lost_keeps_its_prices_until_told(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "input", "10", class_above=200_000)
    world(a_model("another", {"input_mtok": D(1), "output_mtok": D(1)}))
    before = in_force(model)
    shown = run("--apply")
    assert (shown.code, in_force(model)) == (1, before)
    assert "test/model: the list has no prices under this name." in shown.out
    assert "3 prices are no longer listed; they stay in force until retired." in shown.out
    assert run("--format", "json").json["agrees"] is False
    assert run("--retire", "--apply").code == 0
    assert in_force(model) == {}


def test_what_stays_is_what_a_price_to_come_is_compared_with(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "web_search", "10000")
    add_rate(model, "web_search", "50000", effective_from=billing_now() + timedelta(days=3))
    world(a_model(prices=BOTH))
    # Both the price in force and the planned one are gone; neither ends before somebody says so.
    assert run("--apply").code == 1
    database.advance_clock(4 * 86_400)
    assert in_force(model)[SEARCH] == 50_000


# --- Entered by hand ------------------------------------------------------------------------------------------------
def test_a_price_entered_by_hand_is_replaced_only_when_accepted(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "input", "6", effective_from=billing_now(), source="agreed with the provider")
    world(a_model(prices=BOTH))  # cheaper: no rise
    refused = run("--apply")
    assert (refused.code, in_force(model)[INPUT]) == (2, 6)
    assert refused.error == "1 price entered by hand is replaced, which has to be accepted."
    assert "! entered by hand" in refused.out
    assert run("--apply", "--accept").code == 0
    assert in_force(model)[INPUT] == 5


def test_prices_entered_by_hand_can_be_kept_while_others_are_applied(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "input", "6", effective_from=billing_now(), source="agreed with the provider")
    world(a_model(prices={**BOTH, "output_mtok": D(20)}))
    kept = run("--apply", "--keep-by-hand")
    assert (kept.code, in_force(model)) == (0, {INPUT: D(6), ("output", "standard", 0): D(20)})
    assert "entered by hand; kept" in kept.out
    again = run("--keep-by-hand")
    assert (again.code, "Nothing to apply" in again.out) == (0, True)


def test_a_price_planned_by_hand_is_not_undone_unseen(world: Says) -> None:
    model = a_model_of_the_book()
    add_rate(model, "input", "4", effective_from=billing_now() + timedelta(days=3), source="announced by the provider")
    world(a_model(prices=BOTH))
    refused = run("--apply")
    assert (refused.code, refused.error.startswith("1 charge rises by more than 20 % and 1 price entered by hand")) == (
        2, True,
    )  # fmt: skip
    assert run("--apply", "--keep-by-hand").code == 0
    database.advance_clock(4 * 86_400)
    assert in_force(model)[INPUT] == 4


@pytest.mark.parametrize("source", [*SOURCES.values(), "genai-prices is wrong here", "test"])
def test_a_person_may_name_any_source(world: Says, source: str) -> None:
    model = a_model_of_the_book()
    add_rate(model, "input", "6", effective_from=billing_now(), source=source)
    world(a_model(prices=BOTH))
    assert (run("--apply").code, in_force(model)[INPUT]) == (2, 6)


# --- Another model's prices -----------------------------------------------------------------------------------------
def test_a_model_gets_no_prices_of_another_whose_name_begins_alike(world: Says) -> None:
    model = listed_model({"input": "4", "output": "24"}, name="model-60")
    listed = a_model("model-6", BOTH, starts="model-6")
    world(listed)
    shown = run("--apply", "--accept")
    assert (shown.code, in_force(model)[INPUT]) == (1, 4)
    told = "test/model-60: the list has no prices under this name; its model-6 is not taken, as it is another model."
    assert told in shown.out


def test_a_model_whose_name_differs_by_a_date_says_whose_prices_it_gets(world: Says) -> None:
    model = listed_model({"input": "4", "output": "25"}, name="model-2026-01-01")
    world(a_model("model", BOTH, starts="model"))
    shown = run("--format", "json", "--apply", "--accept")
    assert (shown.code, in_force(model)[INPUT], shown.json["rates"][0]["listed_as"]) == (0, 5, "model")
    world(a_model("model", {**BOTH, "input_mtok": D(6)}, starts="model"))
    assert "changed  test/model-2026-01-01 (list: model)  input" in run().out
    world(a_model("model", BOTH, starts="model"))
    agreed = run()
    assert (agreed.code, "test/model-2026-01-01: compared with the list's model." in agreed.out) == (0, True)
