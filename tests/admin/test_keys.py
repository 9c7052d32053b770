"""Runtime keys: issued with the secret on one page only, bound to the organisation's own, revoked at once."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests import cast
from tests.api import Api
from tests.factories import Tenant

ISSUE = "/admin/organisations/apikey/issue/{}/"
REVOKE = "/admin/organisations/apikey/{}/revoke/"


def form(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    return {
        "name": "runtime", "scopes": ["calls", "read"], "project": tenant.project.pk, "agent": tenant.agent.pk, **fields
    }  # fmt: skip


def test_an_issued_key_works_and_its_secret_is_shown_once(
    lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    client = client_for(staff.finance)
    answer = client.post(ISSUE.format(lived.id), form(lived))
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    key, secret = answer.context["key"], answer.context["secret"]
    assert secret in answer.content.decode()
    assert (key.created_by, sorted(key.scopes), key.agent) == (staff.finance, ["calls", "read"], lived.agent)
    assert Api(None, secret=secret).authorise(max_output_tokens=10).status_code == 201
    assert secret not in str(answer.cookies)
    assert secret not in str(dict(client.session))
    for page in ("", f"{key.pk}/change/"):
        shown = client.get(f"/admin/organisations/apikey/{page}").content.decode()
        assert key.prefix in shown
        assert secret not in shown


def test_bad_input_issues_nothing(lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client, before = client_for(staff.finance), cast.contents()
    wrong = [
        ({"name": ""}, "name"), ({"name": "a\0b"}, "name"), ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"), ({"scopes": ["*"]}, "scopes"),
        ({"project": ""}, "project"), ({"agent": ""}, "agent"),
        ({"project": "", "scopes": ["read"]}, "agent"),  # an agent alone has no project to be of
        ({"project": other.project.pk}, "project"), ({"agent": other.agent.pk}, "agent"),
        ({"expires_at": "2020-01-01T00:00"}, "expires_at"), ({"expires_at": "soon"}, "expires_at"),
    ]  # fmt: skip
    for fields, named in wrong:
        answer = client.post(ISSUE.format(lived.id), form(lived, **fields))
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [named]), fields
    assert cast.contents() == before


def test_a_key_is_revoked_after_a_page_that_asks(
    lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    client = client_for(staff.finance)
    assert "Revoke" in client.get(REVOKE.format(lived.key.pk)).content.decode()
    assert facts.keys(lived)[0].revoked_at is None
    page = client.post(REVOKE.format(lived.key.pk), follow=True).content.decode()
    assert "by finance@platform.example" in page
    assert Api(lived).authorise(max_output_tokens=10).status_code == 401
    first = facts.keys(lived)[0]
    client_for(staff.superuser).post(REVOKE.format(lived.key.pk))
    assert facts.keys(lived)[0].revoked_by_id == first.revoked_by_id == staff.finance.pk


@pytest.mark.parametrize("method", ["get", "post"])
def test_support_may_not(method: str, lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    before, client = cast.contents(), client_for(staff.support)
    assert getattr(client, method)(ISSUE.format(lived.id), form(lived)).status_code == 403
    assert getattr(client, method)(REVOKE.format(lived.key.pk)).status_code == 403
    assert cast.contents() == before


def test_the_list_is_found_by_prefix_and_organisation(
    lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    client = client_for(staff.support)
    for term in (lived.key.prefix, lived.secret[:16], "ADA@example"):
        page = client.get("/admin/organisations/apikey/", {"q": term}).content.decode()
        assert lived.key.prefix in page
        assert other.key.prefix not in page
