"""Four eyes in the admin: credits asked for by one and given by another's click, seen by everybody who should."""

import threading
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections

from organisations.models import User
from tests import cast, database
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import rows_of, verified, wallet

GIVE = "/admin/wallets/wallet/{}/give-credits/"
LIST = "/admin/organisations/approval/"
APPROVE, WITHDRAW = {"act": "approve"}, {"act": "withdraw"}
REFUSE = {"act": "refuse", "reason": "No such wire"}
TOLD = "Asked for approval: nothing is done before another person of finance approves it."


def form(amount: str = "500.00", **fields: str) -> dict[str, str]:
    return {"form_id": str(uuid.uuid4()), "kind": "paid", "amount": amount, "reason": "Wire of 3 May", **fields}


@pytest.fixture
def page(other: Tenant, staff: SimpleNamespace, client_for: Any) -> str:
    """The address of what finance has asked for: $500.00 for Ben, who has nothing."""
    answer = client_for(staff.finance).post(GIVE.format(other.id), form())
    assert answer.status_code == 302
    assert answer.url.startswith(LIST)
    return str(answer.url)


def states() -> list[str]:
    return [state for (state,) in rows_of("SELECT state FROM organisations_approval WHERE key LIKE 'admin:%%'")]


def balance(tenant: Tenant) -> Any:
    return wallet(tenant.id)[0]


def test_credits_above_the_limit_are_given_when_another_approves(
    other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    asked = client_for(staff.finance).post(GIVE.format(other.id), form(), follow=True)
    [(page, _)] = asked.redirect_chain
    assert TOLD in asked.content.decode()
    assert balance(other) == 0
    text = client_for(staff.superuser).get(page).content.decode()
    for shown in (
        "Give $500.00 of paid credits",
        "Ben",
        "finance@platform.example",
        "Wire of 3 May",
        "Approve and do it",
    ):
        assert shown in text
    done = client_for(staff.superuser).post(page, APPROVE, follow=True)
    assert done.redirect_chain == [(page, 302)]
    assert "Approved and done." in done.content.decode()
    assert "Paid credits of $500.00 are given." in done.content.decode()
    assert balance(other) == 500
    [grant] = facts.grants(other)
    assert (grant.given_by_id, grant.reason) == (staff.finance.pk, "Wire of 3 May")
    wallet_page = client_for(staff.finance).get(f"/admin/wallets/wallet/{other.id}/change/").content.decode()
    assert "Wire of 3 May" in wallet_page
    verified()


def test_who_asked_is_told_why_they_cant_approve_and_can_not_by_post_either(
    other: Tenant, staff: SimpleNamespace, client_for: Any, page: str
) -> None:
    client = client_for(staff.finance)
    text = client.get(page).content.decode()
    assert "You asked for this yourself, so another person has to approve or refuse it." in text
    assert "Approve and do it" not in text
    for act in (APPROVE, REFUSE):
        refused = client.post(page, act)
        assert refused.status_code == 422
        assert "You asked for this yourself" in refused.content.decode()
    assert (states(), balance(other)) == (["asked"], 0)
    assert client.post(page, WITHDRAW).status_code == 302
    assert states() == ["withdrawn"]
    assert client_for(staff.superuser).post(page, APPROVE, follow=True).redirect_chain == [(page, 302)]
    assert (states(), balance(other)) == (["withdrawn"], 0)


def test_it_is_refused_with_a_reason_that_who_asked_reads(
    other: Tenant, staff: SimpleNamespace, client_for: Any, page: str
) -> None:
    client = client_for(staff.superuser)
    for reason in ("", "  ", "x" * 501, "a\0b"):
        again = client.post(page, {**REFUSE, "reason": reason})
        assert again.status_code == 422
        assert list(again.context["form"].errors) == ["reason"]
    assert client.post(page, REFUSE).status_code == 302
    assert (states(), balance(other)) == (["refused"], 0)
    assert "No such wire" in client_for(staff.finance).get(page).content.decode()


@pytest.mark.parametrize("sent", [{}, {"act": ""}, {"act": "give"}, {"act": "a\0"}, {"act": ["approve", "refuse"]}])
def test_a_post_that_says_nothing_sensible_decides_nothing(
    sent: dict[str, Any], other: Tenant, staff: SimpleNamespace, client_for: Any, page: str
) -> None:
    assert client_for(staff.superuser).post(page, sent).status_code == 422
    assert (states(), balance(other)) == (["asked"], 0)


def test_support_reads_and_decides_nothing(other: Tenant, staff: SimpleNamespace, client_for: Any, page: str) -> None:
    client = client_for(staff.support)
    text = client.get(page).content.decode()
    assert "Finance and superusers decide; your role reads." in text
    assert '<button class="btn primary"' not in text
    before = cast.contents()
    for act in (APPROVE, REFUSE, WITHDRAW):
        assert client.post(page, act).status_code == 403
    assert client.post(GIVE.format(other.id), form()).status_code == 403
    assert cast.contents() == before


def test_members_and_strangers_never_see_it(other: Tenant, client_for: Any, page: str) -> None:
    member = make_user("owner@ben.example", member_of=other.organisation)
    for person in (member, None):
        for address in (page, LIST):
            for answer in (client_for(person).get(address), client_for(person).post(address, APPROVE)):
                assert (answer.status_code, answer.url[:13]) == (302, "/admin/login/")
    assert states() == ["asked"]


def test_without_its_csrf_token_nothing_is_decided(staff: SimpleNamespace, page: str) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(staff.superuser)
    assert client.post(page, APPROVE).status_code == 403
    assert states() == ["asked"]


def test_two_approve_with_double_clicks_at_once_and_it_is_given_once(
    other: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any, page: str
) -> None:
    third = make_user("third@platform.example", "finance")
    clients = [client_for(person) for person in (staff.superuser, third) for _ in range(2)]
    start, answers = threading.Barrier(len(clients)), []

    def click(client: Any) -> None:
        start.wait()
        answers.append(client.post(page, APPROVE).status_code)
        connections.close_all()

    threads = [threading.Thread(target=click, args=[client]) for client in clients]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert answers == [302] * 4
    assert len(facts.grants(other)) == len(facts.transfers(other)) == 1
    assert balance(other) == 500
    late = client_for(third).post(page, REFUSE, follow=True).content.decode()
    assert "This was approved already. You changed nothing." in late


def test_what_expired_says_so_and_can_not_be_approved(
    other: Tenant, staff: SimpleNamespace, client_for: Any, page: str
) -> None:
    client = client_for(staff.superuser)
    database.advance_clock(72 * 3600)
    text = client.get(page).content.decode()
    assert "nobody decided it in time, and nothing was done" in text
    assert "Approve and do it" not in text
    assert "This has expired" in client.post(page, APPROVE, follow=True).content.decode()
    assert balance(other) == 0


def test_who_left_finance_since_can_neither_have_asked_nor_approve(
    other: Tenant, staff: SimpleNamespace, client_for: Any, page: str
) -> None:
    client = client_for(staff.superuser)
    User.objects.filter(pk=staff.finance.pk).update(is_active=False)
    refused = client.post(page, APPROVE)
    assert refused.status_code == 422
    assert "finance@platform.example may not do this" in refused.content.decode()
    User.objects.filter(pk=staff.finance.pk).update(is_active=True)
    User.objects.filter(pk=staff.superuser.pk).update(is_active=False)
    assert client.post(page, APPROVE).url.startswith("/admin/login/")
    assert (states(), balance(other)) == (["asked"], 0)


def test_the_same_form_twice_asks_once_and_with_another_amount_is_refused(
    other: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    client, sent = client_for(staff.finance), form()
    pages = {client.post(GIVE.format(other.id), sent).url for _ in range(2)}
    assert len(pages) == 1
    again = client.post(GIVE.format(other.id), {**sent, "amount": "600.00"})
    assert again.status_code == 422
    assert "This form asked for other credits already." in again.content.decode()
    assert states() == ["asked"]


def test_the_start_page_and_every_frame_say_how_many_wait(
    other: Tenant, staff: SimpleNamespace, client_for: Any, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for(staff.superuser)
    start = client.get("/admin/")
    assert start.context["waiting_approvals"] == 2  # Ada's, too
    assert [a.organisation.slug for a in start.context["approvals"]] == ["ada", "ben"]
    assert "finance@platform.example asked" in start.content.decode()
    assert "You asked, so another person decides" in client_for(staff.finance).get("/admin/").content.decode()
    assert 'Approvals <span class="tag wait">2</span>' in client.get("/admin/wallets/wallet/").content.decode()
    assert "tag wait" not in client.get("/admin/password_change/").content.decode()  # outside of any scope
    client.post(page, APPROVE)
    assert client.get("/admin/").context["waiting_approvals"] == 1
    monkeypatch.setattr("billing_portal.admin_site.MOST", 1)
    cast.ask_for_credits(other)
    assert 'Approvals <span class="tag wait">1+</span>' in client.get("/admin/").content.decode()


def test_the_list_shows_what_waits_and_the_others_by_state(
    lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any, page: str
) -> None:
    client = client_for(staff.superuser)

    def listed(**parameters: str) -> list[str]:
        return [a.organisation.slug for a in client.get(LIST, parameters).context["cl"].result_list]

    assert listed() == ["ben", "ada"]
    client.post(page, REFUSE)
    assert (listed(), listed(state="refused"), listed(state="all")) == (["ada"], ["ben"], ["ben", "ada"])
    assert listed(state="all", organisation=str(lived.id)) == listed(q="ada") == ["ada"]
    assert listed(state="nonsense") == []
    for bad in ("x", "0", "999", "٣", "9" * 30):
        assert client.get(f"{LIST}{bad}/change/").status_code == 404
    organisation = client.get(f"/admin/organisations/organisation/{other.id}/change/").content.decode()
    assert f'href="{LIST}?state=all&amp;organisation={other.id}"' in organisation


def test_a_sandboxs_approval_is_there_for_who_asks_for_it(staff: SimpleNamespace, client_for: Any) -> None:
    sandbox = make_tenant("sand", sandbox=True)
    page = client_for(staff.finance).post(GIVE.format(sandbox.id), form()).url
    client = client_for(staff.superuser)
    assert client.get("/admin/").context["waiting_approvals"] == 0
    assert [a.pk for a in client.get(LIST, {"sandbox": "yes"}).context["cl"].result_list] == [int(page.split("/")[-3])]
    assert client.post(page, APPROVE).status_code == 302
    assert balance(sandbox) == 500


def test_a_limit_that_rose_since_changes_nothing_of_what_was_asked(
    other: Tenant, staff: SimpleNamespace, client_for: Any, page: str, settings: Any
) -> None:
    settings.GRANT_LIMIT = "1000"
    refused = client_for(staff.finance).post(page, APPROVE)
    assert refused.status_code == 422
    assert client_for(staff.superuser).post(page, APPROVE).status_code == 302
    assert balance(other) == 500
