"""Finance gives credits: once per form, up to the limit of one person, with a reason, and nothing on bad input."""

import threading
import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections

from tests import cast
from tests.factories import Tenant, make_user
from tests.metering.figures import verified

URL = "/admin/wallets/wallet/{}/give-credits/"


def form(**fields: Any) -> dict[str, Any]:
    return {"form_id": str(uuid.uuid4()), "kind": "paid", "amount": "25.00", "reason": "Wire of 3 May", **fields}


@pytest.mark.parametrize("role", ["finance", "superuser"])
def test_credits_are_given_to_a_stopped_organisation(
    role: str, other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    person = getattr(staff, role)
    client = client_for(person)
    answer = client.post(URL.format(other.id), form(), follow=True)
    assert answer.redirect_chain == [(f"/admin/wallets/wallet/{other.id}/change/", 302)]
    assert "Paid credits of $25.00 are given. The balance is $25.00." in answer.content.decode()
    [grant] = facts.grants(other)
    assert (grant.amount, grant.reason, grant.given_by_id) == (Decimal(25), "Wire of 3 May", person.pk)
    assert facts.organisation(other).wallet.balance == 25
    verified()


def test_the_form_of_a_page_carries_an_id_of_its_own(other: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client = client_for(staff.finance)
    ids = {client.get(URL.format(other.id)).context["form"]["form_id"].value() for _ in range(2)}
    assert len(ids) == 2


def test_the_same_form_twice_gives_once(other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    client, sent = client_for(staff.finance), form(kind="promotional")
    for _ in range(2):
        assert client.post(URL.format(other.id), sent).status_code == 302
    assert len(facts.grants(other)) == len(facts.transfers(other)) == 1
    assert facts.organisation(other).wallet.balance == 25


def test_the_same_form_at_the_same_time_gives_once(
    other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    clients, sent, statuses = [client_for(staff.finance) for _ in range(4)], form(), []

    def send(client: Any) -> None:
        statuses.append(client.post(URL.format(other.id), sent).status_code)
        connections.close_all()

    threads = [threading.Thread(target=send, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [302] * 4
    assert len(facts.grants(other)) == len(facts.transfers(other)) == 1


def test_a_used_form_with_another_amount_is_refused(
    other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    client, sent = client_for(staff.finance), form()
    client.post(URL.format(other.id), sent)
    again = client.post(URL.format(other.id), {**sent, "amount": "26.00"})
    assert again.status_code == 422
    assert "This form gave credits already." in again.content.decode()
    assert [grant.amount for grant in facts.grants(other)] == [25]


def test_above_the_limit_it_is_asked_for_and_nothing_given(
    other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    client = client_for(staff.superuser)
    told = "Above $100.00 nothing is given yet: a second person has to approve it."
    assert told in client.get(URL.format(other.id)).content.decode()
    answer = client.post(URL.format(other.id), form(amount="100.01"), follow=True)
    assert answer.redirect_chain[0][0].startswith("/admin/organisations/approval/")
    assert "Asked for approval: nothing is done" in answer.content.decode()
    assert facts.grants(other) == []
    assert client_for(staff.finance).post(URL.format(other.id), form(amount="100.00")).status_code == 302


BAD = [
    ("amount", value)
    for value in ("", "0", "0.00", "-1", "NaN", "Infinity", "1e2", "1_0", "٥", "0.001", "1,000", "9" * 30, "ten", "+5")
] + [
    ("kind", "included"), ("kind", ""), ("reason", ""), ("reason", "  "), ("reason", "x" * 501), ("reason", "a\0b"),
    ("form_id", ""), ("form_id", "no uuid"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_input_is_told_beside_its_field(
    field: str, value: str, other: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    before = cast.contents()
    answer = client_for(staff.finance).post(URL.format(other.id), form(**{field: value}))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert cast.contents() == before


def test_others_may_not(other: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    member = make_user("owner@ben.example", member_of=other.organisation)
    before = cast.contents()
    for method in ("get", "post"):
        assert getattr(client_for(staff.support), method)(URL.format(other.id), form()).status_code == 403
        for person in (member, None):
            answer = getattr(client_for(person), method)(URL.format(other.id), form())
            assert (answer.status_code, answer.url[:13]) == (302, "/admin/login/")
    assert client_for(staff.finance).post(URL.format(999), form()).status_code == 404
    assert cast.contents() == before


def test_without_its_csrf_token_nothing_is_given(other: Tenant, staff: SimpleNamespace, facts: Any) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(staff.finance)
    assert client.post(URL.format(other.id), form()).status_code == 403
    assert facts.grants(other) == []
