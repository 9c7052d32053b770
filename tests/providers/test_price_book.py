"""The price book a new installation starts with."""

from decimal import Decimal

import pytest
from django.core.management import call_command

from common.clock import billing_now
from plans.models import Plan
from providers.leaves import Leaf
from providers.models import Model, Provider, Rate
from providers.selectors import find_model, rates_in_force
from tests import database
from tests.api import Api
from tests.factories import make_tenant

pytestmark = pytest.mark.usefixtures("transactional_db")
D = Decimal


@pytest.fixture(autouse=True)
def book(transactional_db: None) -> None:
    call_command("load_price_book")


def test_six_models_of_three_providers_can_be_called_by_an_enterprise(book: None) -> None:
    enterprise = Api(make_tenant(credits="100", plan=Plan.objects.get(slug="enterprise")))
    offered = enterprise.get("models").json()["models"]
    assert len(offered) == 6
    assert {m["provider"] for m in offered} == {"anthropic", "openai", "google"}
    for offer in offered:
        for name in (offer["model"], *offer["aliases"]):
            asked = enterprise.authorise(provider=offer["provider"], model=name, input_tokens=10, max_output_tokens=10)
            assert asked.status_code == 201, asked.content


@pytest.mark.parametrize(
    ("slug", "markup", "models"), [("starter", "1.2", 3), ("pro", "1.1", 6), ("enterprise", "1", 6)]
)
def test_tiers_differ_in_markup_and_models(slug: str, markup: str, models: int) -> None:
    offers = Api(make_tenant(plan=Plan.objects.get(slug=slug))).get("models").json()
    assert (D(offers["markup"]), len(offers["models"])) == (D(markup), models)
    for price in offers["models"][0]["prices"]:
        assert D(price["price_per_million"]) == D(price["rate_per_million"]) * D(markup)


def test_one_model_has_a_dearer_size_class() -> None:
    model = find_model("google", "gemini-2.5-pro")
    assert model is not None
    prices = {(r.leaf, r.class_above): r.price for r in rates_in_force([model.pk], billing_now())}
    assert (prices[Leaf.INPUT, 0], prices[Leaf.INPUT, 200_000]) == (D("1.25"), D("2.5"))
    caller = Api(make_tenant(credits="100", plan=Plan.objects.get(slug="enterprise")))
    for tokens, right in ((200_000, "0.260000000"), (250_000, "0.640000000")):  # a large one is priced whole
        hold = caller.authorise(provider="google", model="gemini-2.5-pro", input_tokens=tokens).json()["id"]
        assert caller.settle(hold, input=tokens, output=1_000).json()["list_cost"] == right


def test_loading_again_changes_nothing_that_is_there() -> None:
    Plan.objects.filter(slug="pro").update(markup=D("1.3"))
    before = (Provider.objects.count(), Model.objects.count(), Rate.objects.count())
    call_command("load_price_book")
    assert (Provider.objects.count(), Model.objects.count(), Rate.objects.count()) == before
    assert Plan.objects.get(slug="pro").markup == D("1.3")


def test_the_newest_row_counts_and_one_without_a_price_ends_it() -> None:
    model = find_model("openai", "gpt-5.4-mini")
    assert model is not None
    columns = "model_id, leaf, service_tier, class_above, class_inclusive, price, effective_from, source"
    with database.owner() as connection:
        for leaf, price, when in (("input", 2, "-1 hour"), ("input", 9, "1 hour"), ("cache_read", None, "-1 hour")):
            connection.execute(
                f"INSERT INTO providers_rate ({columns})"
                " VALUES (%s, %s, 'standard', 0, false, %s, billing_now() + %s::interval, 'test')",
                [model.pk, leaf, price, when],
            )
    prices = {r.leaf: r.price for r in rates_in_force([model.pk], billing_now())}
    assert prices[Leaf.INPUT] == D(2)  # not the one of the next hour
    assert Leaf.CACHE_READ not in prices  # no longer priced, which is not zero
