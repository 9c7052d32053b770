"""Finance enters a price by hand: asked for, approved by another, written once, and not over what came in between."""

import uuid
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from common.clock import billing_now
from organisations.errors import NeedsSecondPerson
from providers.entering import Entered, enter_rate
from providers.importing import services
from providers.models import Model, Rate
from tests import cast, database
from tests.admin.test_import_prices import seen
from tests.factories import make_plan
from tests.metering.figures import rows_of
from tests.providers.imports import a_model, a_world, add_rate, in_force, listed_model

URL, IMPORT = "/admin/providers/rate/enter/", "/admin/providers/rate/import/"
APPROVE = {"act": "approve"}
INPUT = ("input", "standard", 0)
D = Decimal


@pytest.fixture
def model(transactional_db: None) -> Model:
    make_plan()
    return listed_model({"input": "5", "output": "25"})


@pytest.fixture
def ask(model: Model, staff: SimpleNamespace, client_for: Any) -> Any:
    """Sends the form as finance; gives the address of the approval."""

    def act(**fields: str) -> str:
        answer = client_for(staff.finance).post(URL, form(model, **fields))
        assert answer.status_code == 302, answer.context["form"].errors
        return str(answer.url)

    return act


def form(of: Model, /, **fields: str) -> dict[str, str]:
    known = {
        "form_id": str(uuid.uuid4()), "model": str(of.pk), "leaf": "input", "service_tier": "standard",
        "class_above": "0", "becomes": "priced", "price": "6.25", "starts": "",
        "source": "Letter of 3 May", "reason": "New contract",
    }  # fmt: skip
    return known | fields


def test_a_price_holds_once_another_has_approved_it(
    model: Model, staff: SimpleNamespace, client_for: Any, ask: Any
) -> None:
    page = ask()
    assert in_force(model)[INPUT] == 5
    client = client_for(staff.superuser)
    text = client.get(page).content.decode()
    for shown in ("Price of test/model, input: $5.00 → $6.25", "Letter of 3 May", "New contract", "all requests"):
        assert shown in text
    before = billing_now()
    assert "has its new price from" in client.post(page, APPROVE, follow=True).content.decode()
    assert in_force(model)[INPUT] == D("6.25")
    [(source, starts)] = rows_of("SELECT source, effective_from FROM providers_rate ORDER BY id DESC LIMIT 1")
    assert (source, before <= starts <= billing_now()) == ("Letter of 3 May", True)
    client.post(page, APPROVE)
    assert Rate.objects.filter(model=model, leaf="input").count() == 2


def test_who_asked_can_not_approve_it_and_support_not_even_ask(
    model: Model, staff: SimpleNamespace, client_for: Any, ask: Any
) -> None:
    page = ask()
    assert client_for(staff.finance).post(page, APPROVE).status_code == 422
    assert client_for(staff.support).get(URL).status_code == 403
    assert client_for(staff.support).post(URL, form(model)).status_code == 403
    assert "Enter a price" not in client_for(staff.support).get("/admin/providers/rate/").content.decode()
    assert f'href="{URL}"' in client_for(staff.finance).get("/admin/providers/rate/").content.decode()
    for second in (None, staff.finance):
        entered = Entered(model.pk, "input", "standard", 0, D(1), None, "s")
        with pytest.raises(NeedsSecondPerson):
            enter_rate(entered, compared_with=0, by=staff.finance, approved_by=second)
    assert in_force(model)[INPUT] == 5


def test_a_rate_that_came_in_between_stops_it_in_words(
    model: Model, staff: SimpleNamespace, client_for: Any, ask: Any
) -> None:
    first, second = ask(price="6"), ask(price="7")
    client = client_for(staff.superuser)
    assert client.post(first, APPROVE).status_code == 302
    refused = client.post(second, APPROVE)
    assert refused.status_code == 422
    assert "Another rate of this kind was written since this was asked for. Refuse this" in refused.content.decode()
    assert in_force(model)[INPUT] == 6
    assert client.post(second, {"act": "refuse", "reason": "Ask anew"}).status_code == 302


def test_another_leafs_rate_is_no_hindrance(model: Model, staff: SimpleNamespace, client_for: Any, ask: Any) -> None:
    page = ask()
    add_rate(model, "output", "30", effective_from=billing_now())
    assert client_for(staff.superuser).post(page, APPROVE).status_code == 302
    assert in_force(model)[INPUT] == D("6.25")


def test_a_price_for_a_day_to_come_and_one_whose_day_has_passed(
    model: Model, staff: SimpleNamespace, client_for: Any, ask: Any
) -> None:
    tomorrow = (billing_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    page, late = ask(starts=tomorrow, becomes="ended", price=""), ask(starts=tomorrow, leaf="output")
    client = client_for(staff.superuser)
    assert client.post(page, APPROVE).status_code == 302
    assert in_force(model)[INPUT] == 5
    database.advance_clock(25 * 3600)
    assert INPUT not in in_force(model)  # no longer priced, which is not 0
    refused = client.post(late, APPROVE)
    assert refused.status_code == 422
    assert "The moment from which it was to hold has passed." in refused.content.decode()
    assert in_force(model)["output", "standard", 0] == 25


def test_a_size_class_begins_as_the_models_other_rates_of_it_do(
    model: Model, staff: SimpleNamespace, client_for: Any, ask: Any
) -> None:
    add_rate(model, "output", "40", class_above=200_000, class_inclusive=True)
    page = ask(class_above="200000", price="10")
    assert "requests with more than 200,000 input tokens" in client_for(staff.superuser).get(page).content.decode()
    client_for(staff.superuser).post(page, APPROVE)
    assert Rate.objects.get(model=model, leaf="input", class_above=200_000).class_inclusive


BAD = [
    ("price", value) for value in ("", "-1", "NaN", "1e2", "1_0", "0." + "1" * 10, "1,000", "ten")
] + [
    ("model", ""), ("model", "999"), ("leaf", "thoughts"), ("service_tier", "A B"), ("service_tier", "standard\n\n"),
    ("class_above", "-1"), ("class_above", "9" * 12), ("starts", "2020-01-01T00:00"), ("starts", "soon"),
    ("becomes", "free"), ("source", ""), ("source", "a\0"), ("reason", " "), ("form_id", ""),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_input_is_told_beside_its_field(
    field: str, value: str, model: Model, staff: SimpleNamespace, client_for: Any
) -> None:
    before = cast.contents()
    answer = client_for(staff.finance).post(URL, form(model, **{field: value}))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert cast.contents() == before


def test_the_same_form_twice_asks_once(model: Model, staff: SimpleNamespace, client_for: Any) -> None:
    client, sent = client_for(staff.finance), form(model)
    assert len({client.post(URL, sent).url for _ in range(2)}) == 1
    again = client.post(URL, {**sent, "price": "8"})
    assert again.status_code == 422
    assert "This form asked for another price already." in again.content.decode()


# --- Imports: what is approved is what was seen ---------------------------------------------------------------------
@pytest.fixture
def says(model: Model, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the list have this price for the model's input, and a new model beside it."""

    def act(price: str) -> None:
        listed = a_model(prices={"input_mtok": D(price), "output_mtok": D(25)})
        further = a_model("further", {"input_mtok": D(1), "output_mtok": D(2)}, context_window=1000)
        monkeypatch.setattr(services, "installed_world", lambda at: a_world(at, listed, further))

    act("6")
    return act


def test_an_import_that_waits_is_shown_where_it_would_be_asked_for_again(
    model: Model, staff: SimpleNamespace, client_for: Any, says: Any
) -> None:
    client = client_for(staff.finance)
    page = client.post(IMPORT, seen(client.get(IMPORT))).url
    again = client.get(IMPORT).content.decode()
    assert f'<a href="{page}">Open the approval</a>' in again
    assert "Ask for approval" not in again
    text = client_for(staff.support).get(page).content.decode()
    for shown in ("Import prices: 1 changed price", "test/model", "5.00", "6.00", "+20.0 %", "at once"):
        assert shown in text
    assert client.post(page, APPROVE).status_code == 422
    assert in_force(model)[INPUT] == 5


def test_an_import_whose_list_or_book_has_changed_is_not_written(
    model: Model, staff: SimpleNamespace, client_for: Any, says: Any, ask: Any
) -> None:
    client, other = client_for(staff.finance), client_for(staff.superuser)
    page = client.post(IMPORT, seen(client.get(IMPORT))).url
    says("6.5")
    refused = other.post(page, APPROVE)
    assert refused.status_code == 422
    assert "The list or the price book has changed since this was shown." in refused.content.decode()
    says("6")
    other.post(ask(leaf="output", price="26"), APPROVE)  # now the book has changed
    assert other.post(page, APPROVE).status_code == 422
    assert in_force(model)[INPUT] == 5


def test_an_import_that_two_asked_for_is_written_once(
    model: Model, staff: SimpleNamespace, client_for: Any, says: Any
) -> None:
    client, other = client_for(staff.finance), client_for(staff.superuser)
    sent = seen(client.get(IMPORT))
    pages = [client.post(IMPORT, {**sent, "form_id": str(uuid.uuid4())}).url for _ in range(2)]
    assert [other.post(page, APPROVE).status_code for page in pages] == [302, 422]
    assert "The price book has all of it already." in other.post(pages[1], APPROVE).content.decode()
    assert Rate.objects.filter(model=model, leaf="input").count() == 2


def test_a_new_model_alone_changes_no_price_and_is_added_by_one(
    model: Model, staff: SimpleNamespace, client_for: Any, says: Any
) -> None:
    says("5")
    client = client_for(staff.finance)
    asked = {"dearer_than": "20", "model": "test/further", "access_class": "standard", "max_output": "100"}
    page = client.get(IMPORT, asked)
    assert "Apply these 2 changes" in page.content.decode()
    answer = client.post(IMPORT, seen(page))
    assert (answer.status_code, answer.url) == (302, IMPORT)
    assert in_force(Model.objects.get(name="further")) == {INPUT: 1, ("output", "standard", 0): 2}


def test_an_import_needs_a_reason_to_be_asked_for(
    model: Model, staff: SimpleNamespace, client_for: Any, says: Any
) -> None:
    client = client_for(staff.finance)
    refused = client.post(IMPORT, {**seen(client.get(IMPORT)), "reason": " "})
    assert refused.status_code == 422
    assert "Say why these prices are to change. Nothing was written." in refused.content.decode()
    assert rows_of("SELECT 1 FROM organisations_approval") == []
