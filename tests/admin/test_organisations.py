"""Organisations in the admin: details changed within bounds, suspended with a reason, resumed, all audited."""

from types import SimpleNamespace
from typing import Any

import pytest

from common.tenancy import platform
from organisations.models import AuditEntry, Organisation
from organisations.services import suspend_organisation
from tests import cast
from tests.api import Api
from tests.factories import Tenant

PAGE = "/admin/organisations/organisation/{}/"


def change(client: Any, tenant: Tenant, **fields: str) -> Any:
    """Open the form as a browser does, hidden fields included, and send it with `fields` changed."""
    form = client.get(PAGE.format(tenant.id) + "change/").context["adminform"].form
    sent = {form.add_prefix(name): form.initial[name] for name in form.fields}
    hidden = {form.add_initial_prefix(name): form.initial[name] for name in form.fields}
    return client.post(PAGE.format(tenant.id) + "change/", {**sent, **hidden, **fields})


def test_finance_changes_details(lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    client = client_for(staff.finance)
    assert change(client, lived, name="Ada AG", email="pay@ada.example", billing_zone="Asia/Tokyo").status_code == 302
    found = facts.organisation(lived)
    assert (found.name, found.email, found.billing_zone) == ("Ada AG", "pay@ada.example", "Asia/Tokyo")
    page = client.get("/admin/organisations/auditentry/", {"organisation": lived.id}).content.decode()
    assert "finance@platform.example" in page
    assert "billing_zone: UTC → Asia/Tokyo" in page


def test_other_fields_stay_whatever_is_sent(lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    sent = {"slug": "x", "currency": "EUR", "sandbox": "on", "suspended_reason": "x", "created_at": "2020-01-01"}
    assert change(client_for(staff.superuser), lived, name="New", **sent).status_code == 302
    found = facts.organisation(lived)
    assert (found.slug, found.currency, found.sandbox, found.suspended_reason) == ("ada", "USD", False, "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "a\0"), ("email", "no"), ("email", "a@b.example\r\nBcc: x@y.example"),
     ("billing_zone", "Mars/Base"), ("billing_zone", "../../etc/passwd"), ("billing_zone", "")],
)  # fmt: skip
def test_bad_details_change_nothing(
    field: str, value: str, lived: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    before = cast.contents()
    answer = change(client_for(staff.finance), lived, **{field: value})
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (422, [field])
    assert cast.contents() == before


def test_a_form_left_open_does_not_undo_what_came_meanwhile(
    lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    client = client_for(staff.finance)
    form = client.get(PAGE.format(lived.id) + "change/").context["adminform"].form
    stale = {form.add_prefix(n): form.initial[n] for n in form.fields}
    stale |= {form.add_initial_prefix(n): form.initial[n] for n in form.fields}
    change(client, lived, email="new@ada.example")
    suspend_organisation(organisation=facts.organisation(lived), reason="why")
    assert client.post(PAGE.format(lived.id) + "change/", {**stale, "name": "Renamed"}).status_code == 302
    found = facts.organisation(lived)
    assert (found.name, found.email, found.suspended_reason) == ("Renamed", "new@ada.example", "why")


def test_suspended_and_resumed(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client, api = client_for(staff.finance), Api(lived)
    refused = client.post(PAGE.format(lived.id) + "suspend/", {"reason": " "})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["reason"])
    page = client.post(PAGE.format(lived.id) + "suspend/", {"reason": "Unpaid"}, follow=True).content.decode()
    assert "Unpaid" in page
    assert api.authorise(max_output_tokens=1).status_code == 403
    assert client.post(PAGE.format(lived.id) + "resume/").status_code == 302
    assert api.authorise(max_output_tokens=1).status_code == 201
    with platform("read"):
        entries = AuditEntry.objects.filter(table="organisations_organisation", action="update").order_by("pk")
        assert [entry.actor for entry in entries] == [f"user:{staff.finance.pk}"] * 2


def test_support_reads_only(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client, before = client_for(staff.support), cast.contents()
    page = client.get(PAGE.format(lived.id) + "change/")
    assert page.status_code == 200
    for act in ("Give credits", "Suspend", "Save"):
        assert act not in page.content.decode()
    for route, sent in {"change/": {"name": "x"}, "suspend/": {"reason": "x"}, "resume/": {}}.items():
        assert client.post(PAGE.format(lived.id) + route, sent).status_code == 403
    assert cast.contents() == before


def test_found_by_name_state_and_zone(lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    suspend_organisation(organisation=other.organisation, reason="x")
    client = client_for(staff.support)

    def listed(**parameters: str) -> list[str]:
        page = client.get("/admin/organisations/organisation/", parameters)
        return [organisation.slug for organisation in page.context["cl"].result_list]

    assert listed() == ["ada", "ben"]
    assert listed(q="BEN@") == listed(state="suspended") == ["ben"]
    assert listed(state="active", zone="UTC") == ["ada"]
    assert listed(zone="Asia/Tokyo") == []


def test_nobody_deletes_or_adds_one(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    before, client = cast.contents(), client_for(staff.superuser)
    for path in (PAGE.format(lived.id) + "delete/", "/admin/organisations/organisation/add/"):
        assert client.post(path, {"post": "yes"}).status_code == 404
    action = {"action": "delete_selected", "_selected_action": [lived.id], "post": "yes"}
    assert client.post("/admin/organisations/organisation/", action).status_code == 405
    assert cast.contents() == before
    with platform("read"):
        assert Organisation.objects.count() == 1
