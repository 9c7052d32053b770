"""Finance imports prices in the admin: what is seen is what is applied, who did it is kept, support only reads."""

import re
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command

from common.clock import billing_now
from providers.importing import services
from providers.models import Model, Rate
from tests import cast
from tests.factories import make_plan
from tests.metering.figures import rows_of
from tests.providers.imports import a_model, a_world, add_rate, listed_model

URL = "/admin/providers/rate/import/"
D = Decimal


@pytest.fixture
def model(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model whose input the list has at 6 instead of 5, and beside it a new one."""
    make_plan()
    says(monkeypatch, "6")
    return listed_model({"input": "5", "output": "25"})


def says(monkeypatch: pytest.MonkeyPatch, price: str) -> None:
    listed = a_model(prices={"input_mtok": D(price), "output_mtok": D(25)})
    further = a_model("further", {"input_mtok": D(1), "output_mtok": D(2)}, context_window=1000)
    monkeypatch.setattr(services, "installed_world", lambda at: a_world(at, listed, further))


def seen(answer: Any) -> dict[str, str]:
    """What the page's form would send."""
    form = answer.content.decode().split('<form class="form prose" method="post"')[1].split("</form>")[0]
    inputs = re.findall(r'<input type="(?:hidden|text)" name="([^"]+)"(?: value="([^"]*)")?', form)
    return {name: value for name, value in inputs if name != "csrfmiddlewaretoken"}


@pytest.fixture
def applied(staff: SimpleNamespace, client_for: Any) -> Callable[[dict[str, str]], Any]:
    """Sends the form as finance and has the superuser approve it; gives the page that the latter sees then."""

    def act(sent: dict[str, str]) -> Any:
        asked = client_for(staff.finance).post(URL, sent)
        assert (asked.status_code, asked.url[:30]) == (302, "/admin/organisations/approval/")
        answer = client_for(staff.superuser).post(asked.url, {"act": "approve"}, follow=True)
        assert answer.redirect_chain == [(asked.url, 302)]
        return answer

    return act


def newest(model: Model, leaf: str = "input") -> Decimal | None:
    return Rate.objects.filter(model=model, leaf=leaf).order_by("-pk")[0].price


def test_what_is_seen_is_applied_and_the_trail_says_by_whom(
    model: Model, staff: SimpleNamespace, client_for: Any, applied: Any
) -> None:
    client = client_for(staff.finance)
    page = client.get(URL)
    assert page.status_code == 200
    assert "Ask for approval of this change" in page.content.decode()
    assert newest(model) == 5
    answer = applied(seen(page))
    assert "Applied: 1 changed price." in answer.content.decode()
    assert "The book agrees with the list." in client.get(URL).content.decode()
    assert newest(model) == 6
    [(actor, after)] = rows_of(
        "SELECT actor, after FROM organisations_auditentry WHERE \"table\" = 'providers_rate' ORDER BY id DESC LIMIT 1"
    )
    assert (actor, after["price"]) == (f"user:{staff.superuser.pk}", 6)


def test_what_changed_since_it_was_seen_is_not_applied(
    model: Model, staff: SimpleNamespace, client_for: Any, monkeypatch: pytest.MonkeyPatch, applied: Any
) -> None:
    client = client_for(staff.finance)
    sent = seen(client.get(URL))
    says(monkeypatch, "5.5")
    before = cast.contents()
    answer = client.post(URL, sent)
    assert answer.status_code == 422
    assert "has changed since this was shown" in answer.content.decode()
    assert cast.contents() == before
    # The page that says so shows what there is now; sending that is fine.
    applied(seen(answer))
    assert newest(model) == D("5.5")


def test_a_form_without_its_digest_applies_nothing(model: Model, staff: SimpleNamespace, client_for: Any) -> None:
    for digest in ({}, {"digest": ""}, {"digest": "x" * 65}, {"digest": "0" * 64}):
        assert client_for(staff.finance).post(URL, {"dearer_than": "20", **digest}).status_code == 422
    assert newest(model) == 5


def test_rises_are_marked_and_have_to_be_accepted(
    model: Model, staff: SimpleNamespace, client_for: Any, monkeypatch: pytest.MonkeyPatch, applied: Any
) -> None:
    says(monkeypatch, "10")
    client = client_for(staff.finance)
    page = client.get(URL, {"dearer_than": "50"})
    assert "Rises of more than 50 %, to be accepted" in page.content.decode()
    assert "I accept that 1 charge rises by more than 50 %" in page.content.decode()
    refused = client.post(URL, seen(page))
    assert refused.status_code == 422
    assert "which has to be accepted. Nothing was written." in refused.content.decode()
    assert newest(model) == 5
    applied({**seen(page), "accept": "on"})
    assert newest(model) == 10
    # Another threshold than the one that was looked at is another thing to have seen.
    says(monkeypatch, "20")
    sent = {**seen(client.get(URL, {"dearer_than": "50"})), "dearer_than": "500"}
    assert client.post(URL, sent).status_code == 422


def test_a_model_is_added_with_what_the_list_does_not_know(
    model: Model, staff: SimpleNamespace, client_for: Any, applied: Any
) -> None:
    client = client_for(staff.finance)
    asked = {"dearer_than": "20", "model": "test/further"}
    page = client.get(URL, asked)
    assert "say its access class, max output: the list doesn&#x27;t: test/further" in page.content.decode()
    assert '<form class="form prose" method="post"' not in page.content.decode()
    assert client.post(URL, {**asked, "digest": page.context["found"].digest}).status_code == 422
    assert (Model.objects.count(), newest(model)) == (1, 5)  # all or nothing
    page = client.get(URL, {**asked, "access_class": "standard", "max_output": "100"})
    assert "test/further: class standard, context 1,000, at most 100 tokens of output" in page.content.decode()
    applied(seen(page))
    assert Model.objects.get(name="further").max_output_tokens == 100


def test_a_price_that_nothing_stands_in_for_ends_only_when_asked(
    model: Model, staff: SimpleNamespace, client_for: Any, applied: Any
) -> None:
    client = client_for(staff.finance)
    applied(seen(client.get(URL)))
    add_rate(model, "web_search", "10000")
    page = client.get(URL)
    assert "no longer listed; kept unless retired" in page.content.decode()
    assert "1 no longer listed stays in force until retired" in page.content.decode()
    assert "The book agrees" not in page.content.decode()
    assert '<form class="form prose" method="post"' not in page.content.decode()
    page = client.get(URL, {"dearer_than": "20", "retire": "on"})
    applied(seen(page))
    assert Rate.objects.filter(leaf="web_search").order_by("-pk")[0].price is None


def test_a_premium_that_the_list_dropped_ends_with_what_is_applied(
    model: Model, staff: SimpleNamespace, client_for: Any, applied: Any
) -> None:
    client = client_for(staff.finance)
    add_rate(model, "input", "10", class_above=200_000)
    page = client.get(URL)
    assert "no longer listed; then charged as input ($6.00)" in page.content.decode()
    applied(seen(page))
    assert Rate.objects.filter(class_above=200_000).order_by("-pk")[0].price is None


def test_what_a_person_entered_is_replaced_only_when_accepted_or_kept(
    model: Model, staff: SimpleNamespace, client_for: Any, applied: Any
) -> None:
    add_rate(model, "output", "30", effective_from=billing_now(), source="agreed with the provider")
    client = client_for(staff.finance)
    page = client.get(URL)
    assert "Prices that replace one entered by hand, to be accepted" in page.content.decode()
    assert "I accept that 1 price entered by hand is replaced" in page.content.decode()
    assert client.post(URL, seen(page)).status_code == 422
    assert newest(model) == 5
    kept = client.get(URL, {"dearer_than": "20", "keep": "on"})
    assert "entered by hand; kept" in kept.content.decode()
    applied(seen(kept))
    assert (newest(model), newest(model, "output")) == (6, 30)
    applied({**seen(client.get(URL)), "accept": "on"})
    assert newest(model, "output") == 25


def test_the_page_says_whose_prices_a_model_gets_under_another_name(
    model: Model, staff: SimpleNamespace, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_model({"input": "5", "output": "25"}, name="model-2026-01-01")
    listed_model({"input": "5", "output": "25"}, name="model-60")
    listed = a_model(prices={"input_mtok": D("5.5"), "output_mtok": D(25)}, starts="model")
    monkeypatch.setattr(services, "installed_world", lambda at: a_world(at, listed))
    page = client_for(staff.finance).get(URL)
    assert [title for title, _ in page.context["groups"]] == [
        "test/model", "test/model-2026-01-01 (list: model)", "test/model-60"
    ]  # fmt: skip
    assert "test/model-60: the list has no prices under this name; its model is not taken" in page.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dearer_than", ""), ("dearer_than", "-1"), ("dearer_than", "NaN"), ("dearer_than", "much"),
        ("model", "gpt"), ("model", "/gpt"), ("model", "a/b\0"), ("access_class", "secret"), ("max_output", "0"),
        ("max_output", "9" * 12), ("context_window", "many"),
    ],
)  # fmt: skip
def test_bad_input_is_told_beside_its_field(
    field: str, value: str, model: Model, staff: SimpleNamespace, client_for: Any
) -> None:
    client = client_for(staff.finance)
    for ask in (client.get, client.post):
        answer = ask(URL, {"dearer_than": "20", field: value})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
    assert newest(model) == 5


def test_support_reads_the_difference_and_can_apply_nothing(
    model: Model, staff: SimpleNamespace, client_for: Any
) -> None:
    sent = seen(client_for(staff.finance).get(URL))
    client = client_for(staff.support)
    page = client.get(URL)
    assert page.status_code == 200
    assert "test/model" in page.content.decode()
    assert "Ask for approval" not in page.content.decode()
    assert client.post(URL, sent).status_code == 403
    assert newest(model) == 5


def test_on_a_platform_of_another_currency_the_page_says_so(
    model: Model, staff: SimpleNamespace, client_for: Any, settings: Any
) -> None:
    settings.CURRENCY = "EUR"
    answer = client_for(staff.finance).get(URL)
    assert answer.status_code == 422
    assert "this platform bills in EUR." in answer.content.decode()


def test_the_price_book_leads_there_and_the_real_list_is_read(
    transactional_db: None, staff: SimpleNamespace, client_for: Any
) -> None:
    call_command("load_price_book")
    client = client_for(staff.finance)
    assert f'href="{URL}"' in client.get("/admin/providers/rate/").content.decode()
    page = client.get(URL)
    assert [len(lines) for _, lines in page.context["groups"]] == [15, 6, 6, 3, 4, 6, 6]
    assert "Ask for approval of these 46 changes" in page.content.decode()
