"""`manage.py import_prices`: shows first, writes what it showed, and the past stays as it was."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint

from common.clock import billing_now
from plans.services import load_plans
from providers.importing import services
from providers.importing.asking import Ask
from providers.importing.services import apply_list, compare_with_list
from providers.models import Model, ModelAlias, Provider, Rate
from providers.selectors import find_model, rates_in_force
from tests import database
from tests.api import Api
from tests.factories import make_plan, make_tenant
from tests.metering.figures import rows_of
from tests.providers.imports import Says, a_model, in_force, listed_model, run

pytestmark = pytest.mark.usefixtures("transactional_db")
D = Decimal
FACTS = ("--access-class", "standard", "--max-output", "1000", "--context-window", "2000")


@pytest.fixture
def seeded(transactional_db: None) -> None:
    call_command("load_price_book")


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Provider, Model, ModelAlias, Rate))


# --- The first price book and the real list -------------------------------------------------------------------------
def test_the_difference_is_shown_and_nothing_is_written(seeded: None) -> None:
    before = counts()
    shown = run()
    assert shown.code == 1
    assert counts() == before
    assert "34 prices in force agree with genai-prices 0.2.3." in shown.out
    assert [line.split()[:8] for line in shown.out.splitlines() if "gemini-2.5-pro" in line and "> 200" in line] == [
        ["new", "google/gemini-2.5-pro", "input", "batch", ">", "200,000", "–", "1.25"],
        ["new", "google/gemini-2.5-pro", "output", "batch", ">", "200,000", "–", "7.50"],
    ]


def test_a_seeded_figure_that_agrees_is_the_same_whatever_its_source(seeded: None) -> None:
    assert [rate["kind"] for rate in run("--format", "json").json["rates"] if rate["kind"] != "new"] == []


def test_rises_have_to_be_accepted_and_a_second_run_finds_nothing(seeded: None) -> None:
    before = counts()
    refused = run("--apply")
    assert (refused.code, counts()) == (2, before)
    assert "15 charges rise by more than 20 %" in refused.error
    assert run("--apply", "--dearer-than", "250").code == 0
    after = counts()
    assert after[3] > before[3]
    again = run("--apply")
    assert (again.code, counts()) == (0, after)
    assert again.out.startswith("Nothing to apply: 80 prices in force agree")


def test_rows_name_list_and_page_and_the_trail_who(seeded: None) -> None:
    run("--apply", "--accept")
    batch = Rate.objects.filter(model__name="gpt-5.2", service_tier="batch")
    assert {rate.source for rate in batch} == {"genai-prices 0.2.3, https://developers.openai.com/api/docs/pricing"}
    entries = rows_of(
        "SELECT actor, count(*) FROM organisations_auditentry WHERE \"table\" = 'providers_rate'"
        " AND after ->> 'source' LIKE 'genai-prices%%' GROUP BY 1"
    )
    assert entries == [("command import_prices", 46)]


def test_a_call_at_an_imported_tier_is_charged_at_it(seeded: None) -> None:
    run("--apply", "--accept")
    caller = Api(make_tenant(credits="100", plan=make_plan("all", classes=("standard", "advanced"))))
    hold = caller.authorise(provider="openai", model="gpt-5.4-mini-2026-03-17", input_tokens=1000).json()["id"]
    settled = caller.settle(hold, input=1000, fields={"service_tier": "flex"})
    assert (settled.status_code, settled.json()["list_cost"]) == (200, "0.000375000")


# --- Changes --------------------------------------------------------------------------------------------------------
def test_a_changed_price_holds_from_now_on_and_the_past_stays(world: Says) -> None:
    model = listed_model({"input": "5", "output": "25"})
    caller = Api(make_tenant(credits="100"))
    hold = caller.authorise(input_tokens=1_000_000).json()["id"]
    world(a_model(prices={"input_mtok": D(4), "output_mtok": D(25)}))
    assert run("--apply").code == 0
    assert in_force(model)["input", "standard", 0] == 4
    # Authorised before: at the old price, which still stands in its row.
    assert caller.settle(hold, input=1_000_000).json()["charged"] == "5.000000000"
    assert [r.price for r in Rate.objects.filter(model=model, leaf="input").order_by("effective_from")] == [5, 4]
    [ended] = rates_in_force([model.pk], datetime(2026, 2, 1, tzinfo=UTC))[:1]
    assert (ended.leaf, ended.price) == ("input", 5)


def test_a_price_to_come_is_written_for_its_day_and_charged_from_then_on(world: Says) -> None:
    model = listed_model({"input": "5", "output": "25"})
    day = (billing_now() + timedelta(days=3)).date()
    later = ConditionalPrice(StartDateConstraint(day), prices=ModelPrice(input_mtok=D(6), output_mtok=D(25)))
    world(a_model(prices=[ConditionalPrice(prices=ModelPrice(input_mtok=D(5), output_mtok=D(25))), later]))
    assert run("--apply").code == 0
    assert run().code == 0
    assert in_force(model)["input", "standard", 0] == 5
    database.advance_clock(3 * 86_400)
    assert in_force(model)["input", "standard", 0] == 6
    assert run().code == 0


def test_a_null_or_a_negative_price_makes_no_row(world: Says) -> None:
    model = listed_model({"input": "5", "output": "25"})
    before = counts()
    world(a_model(prices={"input_mtok": D(5), "output_mtok": D(25), "cache_read_mtok": None}))
    assert (run("--apply").code, counts()) == (0, before)
    world(a_model(prices={"input_mtok": D(4), "output_mtok": D(-1)}))
    refused = run("--apply")
    assert (refused.code, counts()) == (0, before)
    assert "test/model: left as it is, since output_mtok is -1: a price is never negative." in refused.out
    assert in_force(model)["input", "standard", 0] == 5


def test_what_is_free_is_marked(world: Says) -> None:
    listed_model({"input": "5", "output": "25"})
    world(a_model(prices={"input_mtok": D(0), "output_mtok": D(25)}))
    [line] = [line for line in run().out.splitlines() if line.startswith("changed")]
    assert line.split()[-1] == "free"


# --- New models -----------------------------------------------------------------------------------------------------
def test_a_new_model_needs_what_the_list_does_not_know(seeded: None) -> None:
    asked = run("--model", "openai/gpt-5.4")
    assert asked.code == 2
    assert "not added, say its access class, max output: the list doesn't: openai/gpt-5.4" in asked.out
    facts = ("--model", "openai/gpt-5.4", "--access-class", "advanced", "--max-output", "128000")
    assert run(*facts, "--apply", "--accept").code == 0
    model = find_model("openai", "gpt-5.4-2026-03-05")
    assert model is not None
    assert (model.name, model.context_tokens, model.max_output_tokens) == ("gpt-5.4", 1_050_000, 128_000)
    assert in_force(model)["input", "standard", 272_000] == 5
    assert run(*facts).out.startswith("Nothing to apply")


def test_a_price_per_request_comes_with_its_model(seeded: None) -> None:
    Provider.objects.create(slug="perplexity", name="Perplexity")
    added = run("--model", "perplexity/sonar-pro", "--access-class", "standard", "--max-output", "8000", "--apply",
                "--dearer-than", "1000")  # fmt: skip
    assert added.code == 0
    model = find_model("perplexity", "sonar-pro")
    assert model is not None
    assert in_force(model)["request", "standard", 0] == 14_000


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("openai/tts-1", "it is also billed in what no leaf counts: input_mchars"),
        ("openai/text-embedding-3-small", "the list has no price for its input or its output"),
        ("openai/no-such-model", "the list has no prices under this name"),
        ("cohere/command-r", "the price book has no provider cohere"),
        ("openai/gpt-5.2-codex", "no prices under this name; its gpt-5.2 is not taken, as it is another model"),
        ("google/gemini-2.5-flash-lite", "a max output of 2,000,000 is more than its context window of 2,000"),
    ],
)
def test_a_model_that_cannot_be_sold_is_refused_with_its_reason(seeded: None, name: str, told: str) -> None:
    before = counts()
    maximum = "2000000" if "more than" in told else "1000"
    asked = run("--model", name, *FACTS[:2], "--max-output", maximum, "--context-window", "2000", "--apply", "--accept")
    assert (asked.code, counts()) == (2, before)
    assert told in asked.out


def test_all_new_models_come_at_once_without_those_that_cannot(world: Says) -> None:
    listed_model({"input": "5", "output": "25"})
    both = {"input_mtok": D(1), "output_mtok": D(2)}
    world(
        a_model("good", both), a_model("old", both, deprecated=True), a_model("spoken", {**both, "audio_hours": D(1)}),
        a_model("model", {"input_mtok": D(5), "output_mtok": D(25)}),
    )  # fmt: skip
    assert run("--new", *FACTS, "--apply").code == 0
    assert sorted(Model.objects.values_list("name", flat=True)) == ["good", "model"]


def test_an_access_class_that_no_plan_has_is_refused(world: Says) -> None:
    world()
    refused = run("--new", "--access-class", "secret")
    assert (refused.code, refused.error) == (2, "No plan includes the class secret; there are: standard.")


# --- Names ----------------------------------------------------------------------------------------------------------
def test_an_alias_is_taken_only_where_it_can_mean_one_model(world: Says) -> None:
    prices = {"input": "5", "output": "25"}
    for name in ("one", "two", "three-2026-01-01", "three"):
        listed_model(prices, name=name)
    taken = listed_model(prices, name="other")
    ModelAlias.objects.create(provider=taken.provider, name="two-latest", model=taken)
    listed = {"input_mtok": D(5), "output_mtok": D(25)}
    world(
        a_model("one", listed, ("one-2026-02-02", "one-codex")),  # the second only costs the same
        a_model("two", listed, ("two-latest",)),  # another model's already
        a_model("three", listed, ("three-2026-01-01", "three-latest")),  # two models of ours would get the second
        a_model("other", listed),
    )
    assert run("--apply").code == 0
    assert sorted(ModelAlias.objects.values_list("name", "model__name")) == [
        ("one-2026-02-02", "one"), ("two-latest", "other")
    ]  # fmt: skip


# --- All or nothing -------------------------------------------------------------------------------------------------
def test_what_was_not_shown_is_not_written(world: Says) -> None:
    listed_model({"input": "5", "output": "25"})
    world(a_model(prices={"input_mtok": D(4), "output_mtok": D(25)}))
    shown = compare_with_list(Ask())
    before = counts()
    world(a_model(prices={"input_mtok": D(3), "output_mtok": D(25)}))
    with pytest.raises(services.DifferenceChanged):
        apply_list(Ask(), digest=shown.digest, accepted=True)
    with pytest.raises(services.DifferenceChanged):  # what would be written depends on what was asked
        apply_list(Ask(retire=True), digest=compare_with_list(Ask()).digest, accepted=True)
    assert counts() == before


def test_an_error_on_the_way_leaves_nothing_behind(world: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    listed_model({"input": "5", "output": "25"})
    world(
        a_model(prices={"input_mtok": D(4), "output_mtok": D(25)}),
        a_model("new", {"input_mtok": D(1), "output_mtok": D(2)}),
    )
    before = counts()
    monkeypatch.setattr(Rate.objects, "bulk_create", lambda rows: [1 // 0 for _ in rows])
    ask = Ask(new=True, access_class="standard", max_output=10, context=10)
    with pytest.raises(ZeroDivisionError):
        apply_list(ask, digest=compare_with_list(ask).digest, accepted=True)
    assert counts() == before


def test_a_platform_of_another_currency_takes_no_dollars(seeded: None, settings: Any) -> None:
    settings.CURRENCY = "EUR"
    refused = run()
    assert (refused.code, refused.error) == (2, "The list is in USD; this platform bills in EUR.")


def test_plans_are_untouched_and_classes_are_the_plans(seeded: None) -> None:
    load_plans()
    assert run("--model", "openai/gpt-5.4", "--access-class", "preview", "--max-output", "100").code == 1


@pytest.mark.parametrize(
    "arguments",
    [("--model", "gpt"), ("--max-output", "0"), ("--dearer-than", "-1"), ("--dearer-than", "nan"), ("--format", "xml")],
)
def test_bad_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).code != 0


def test_json_has_the_same_for_programs(world: Says) -> None:
    listed_model({"input": "5", "output": "25"})
    world(a_model(prices={"input_mtok": D(10), "output_mtok": D(25)}))
    told = run("--format", "json")
    assert (told.code, told.json["to_apply"], told.json["same"], told.json["list"]) == (
        1,
        True,
        1,
        "genai-prices 9.9.9",
    )
    assert told.json["rates"] == [{
        "kind": "changed", "model": "test/model", "listed_as": "model", "leaf": "input",
        "service_tier": "standard", "class_above": 0, "old": "5", "new": "10",
        "charged_before": "5", "charged_after": "10", "effective_from": None,
        "dearer": True, "by_hand": False, "to_accept": True, "free": False, "to_apply": True,
    }]  # fmt: skip
