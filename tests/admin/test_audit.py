"""The audit trail, read by staff: by whom in words, found by organisation, table, action and day."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from common.tenancy import acting_as
from organisations.services import revoke_api_key, suspend_organisation
from tests.factories import Tenant

LIST = "/admin/organisations/auditentry/"


def test_who_did_what(lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    with acting_as(f"user:{staff.finance.pk}"):
        suspend_organisation(organisation=lived.organisation, reason="Unpaid")
    with acting_as("key:7"):
        revoke_api_key(key=other.key)
    client = client_for(staff.support)

    def listed(**parameters: Any) -> list[Any]:
        return list(client.get(LIST, parameters).context["cl"].result_list)

    newest = listed()
    assert [(e.by, e.table, e.action) for e in newest[:2]] == [
        ("key:7", "organisations_apikey", "update"),
        ("finance@platform.example", "organisations_organisation", "update"),
    ]
    assert {e.organisation_id for e in listed(organisation=lived.id)} == {lived.id}
    assert {e.organisation_id for e in listed(q="ben")} == {other.id}
    assert len(listed(table="organisations_apikey", action="update")) == 1
    assert len(listed(action="delete")) == 0
    today = datetime.now(UTC).date()
    assert len(listed(day=today.isoformat())) == min(len(newest), 50)
    assert listed(day="2001-01-01") == []
    shown = client.get(f"{LIST}{newest[1].pk}/change/").content.decode()
    assert "finance@platform.example" in shown
    assert "Unpaid" in shown


def test_secrets_are_not_in_it(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client = client_for(staff.superuser)
    for entry in client.get(LIST, {"table": "organisations_user"}).context["cl"].result_list:
        shown = client.get(f"{LIST}{entry.pk}/change/").content.decode()
        assert "md5$" not in shown
