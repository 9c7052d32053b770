"""Who gets in, and what has no route at all: walks every address that the admin has."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from common.admin import StaffAdmin
from common.tenancy import platform
from tests import cast
from tests.factories import Tenant, make_user

MAY_CHANGE = {"organisations.Organisation", "organisations.User"}
MAY_DECIDE = {"organisations.Approval"}  # tests/admin/test_four_eyes.py has what its POSTs do


def routes(patterns: list[Any], before: str = "") -> list[str]:
    found = []
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            found.append(here)
    return found


def test_no_route_deletes_adds_or_looks_into_other_models() -> None:
    all_routes = [route for route in routes(get_resolver().url_patterns) if route.startswith("admin/")]
    assert len(all_routes) > 40
    for word in ("delete", "history", "/add/", "autocomplete", "admin/r/"):
        assert not [route for route in all_routes if word in route]


def test_only_our_own_pages_are_registered_and_few_may_change() -> None:
    for model, page in admin.site._registry.items():
        assert isinstance(page, StaffAdmin), model
        changes = type(page).has_change_permission is not StaffAdmin.has_change_permission
        assert changes == (model._meta.label in MAY_CHANGE), model
        for name in ("has_add_permission", "has_delete_permission"):
            assert getattr(type(page), name) is getattr(StaffAdmin, name)
        assert (page.actions, page.inlines) == (None, ())


def test_a_direct_post_changes_nothing(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    readers = [staff.support, make_user("member@ada.example", member_of=lived.organisation), None]
    before = cast.contents()
    for model in admin.site._registry:
        allowed = model._meta.label in MAY_CHANGE | MAY_DECIDE
        for person in readers if allowed else [*readers, staff.finance, staff.superuser]:
            client, expected = client_for(person), (403, 404, 405) if person and person.is_staff else (302,)
            for address in _addresses(model):
                sent = {"amount": "1", "remaining": "1", "balance": "1", "post": "yes", "action": "delete_selected"}
                assert client.post(address, sent).status_code in expected, (address, person)
    assert cast.contents() == before


def _addresses(model: Any) -> list[str]:
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    with platform("read"):
        row = model._base_manager.order_by("pk").first()
    return [base, f"{base}add/", f"{base}1/delete/", f"{base}{row.pk if row else 1}/change/"]


def test_members_are_sent_to_their_own_page(lived: Tenant, client_for: Any) -> None:
    client = client_for(make_user("member@ada.example", member_of=lived.organisation))
    answer = client.get("/admin/wallets/wallet/", follow=True)
    assert answer.redirect_chain[1][0] == "/"
    assert "/admin/" not in answer.request["PATH_INFO"]


def test_strangers_sign_in_first_and_come_back(client_for: Any) -> None:
    client = client_for(None)
    answer = client.get("/admin/wallets/transfer/?q=a%26b", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/login/?next=%2Fadmin%2Fwallets%2Ftransfer%2F%3Fq%3Da%2526b"
    for elsewhere in ("https://evil.example/", "//evil.example"):
        assert client.get("/admin/login/", {"next": elsewhere}).url == "/accounts/login/?next=%2Fadmin%2F"


def test_unknown_addresses_are_404(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client = client_for(staff.finance)
    paths = ["nothing/", "wallets/", "wallets/wallet/999/change/", "wallets/wallet/x/change/"]
    paths += [f"{app}/change/" for app in ("organisations/organisation/999", "wallets/grant/0", "wallets/hold/zz")]
    paths += ["organisations/auditentry/?organisation=999", "organisations/auditentry/?organisation=x"]
    paths += ["organisations/auditentry/?day=yesterday", f"wallets/transfer/{10**30}/change/"]
    statuses = {path: client.get(f"/admin/{path}").status_code for path in paths}
    assert statuses.pop("wallets/") == 200
    assert set(statuses.values()) == {404}, statuses


def test_pages_have_no_inline_script_or_style(
    lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any
) -> None:
    client, organisation = client_for(staff.superuser), lived.id
    pages = ["", f"wallets/wallet/{organisation}/change/", f"wallets/wallet/{organisation}/give-credits/"]
    pages += [f"organisations/organisation/{organisation}/{act}/" for act in ("change", "suspend", "resume")]
    pages += [f"organisations/apikey/issue/{organisation}/", f"organisations/apikey/{lived.key.pk}/revoke/"]
    pages += [f"metering/usagerecord/receipt/{facts.settled_hold(lived).pk}/", "organisations/user/new/"]
    pages += [f"{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry]
    for page in pages:
        answer = client.get(f"/admin/{page}")
        assert answer.status_code == 200, page
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.content.decode()), page
        assert "style-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address",
    ["organisations/organisation/?zone=%00", "organisations/user/?platform_role__exact=%00",
     "organisations/auditentry/?table=%00", "wallets/grant/?kind__exact=%00",
     "metering/usagerecord/?status__exact=%00"],
)  # fmt: skip
def test_a_filter_with_nul_finds_no_page(staff: SimpleNamespace, client_for: Any, address: str) -> None:
    assert client_for(staff.finance).get(f"/admin/{address}").status_code == 404
