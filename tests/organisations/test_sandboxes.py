"""Sandboxes are in no list and no sum across organisations, unless somebody asks for them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from common.tenancy import platform, tenant_column
from organisations.admin.tenants import TenantAdmin
from organisations.models import Organisation, User
from organisations.selectors import billed_organisations, sandboxes
from tests import cast
from tests.factories import Tenant
from wallets.verification import verify

# Work over all organisations at once, and why it has sandboxes, too. Pages of staff are walked below.
ACROSS = {
    "analytics/expiry_mails.py": "theirs are left out there",
    "wallets/alerts.py": "theirs are left out there",
    "wallets/services/closing.py": "their credits expire, too",
    "billing_portal/agent_keys.py": "the demo's sandbox itself",
    "billing_portal/demo.py": "looks whether the demo's own organisations are there",
    "metering/expiry.py": "their holds end like all others",
    "metering/management/commands/rebuild_usage.py": "one organisation at a time, or each by itself",
    "metering/rebuilding.py": "their sums follow from their facts, too",
    "metering/replay_key.py": "one organisation, named by its slug",
    "organisations/approvals.py": "staff asks and decides, also about prices, which are nobody's",
    "organisations/last_used.py": "when a key was used",
    "organisations/middleware.py": "staff's pages",
    "organisations/selectors.py": "one key, one person's memberships",
    "organisations/services.py": "makes an organisation",
    "wallets/verification.py": "their books must agree, too",
}
ALWAYS_THERE = {"organisations.AuditEntry"}  # evidence hides nothing


@pytest.fixture(autouse=True)
def _cheap_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def both(transactional_db: None) -> tuple[Tenant, Tenant]:
    """Two organisations with the same life, one of them a sandbox; both stopped, both with an absorbed overrun."""
    cast.model_for_all()
    ada, quarry = cast.lived_in("ada"), cast.lived_in("quarry")
    with platform("write"):
        Organisation.objects.filter(pk=quarry.id).update(sandbox=True)
    return ada, quarry


@pytest.fixture
def finance_client(both: tuple[Tenant, Tenant], finance: User, client_for: Any) -> Client:
    return client_for(finance)


def names(client: Client, address: str, **parameters: Any) -> set[str]:
    """Which of the two organisations a page names."""
    answer = client.get(address, parameters)
    assert answer.status_code == 200, (address, parameters)
    main = re.sub(r"<head>.*?</head>", "", answer.content.decode(), flags=re.DOTALL)
    return {name for name in ("Ada", "Quarry") if re.search(rf"\b{name}\b", main)}


def test_the_two_selectors_part_all_organisations(both: tuple[Tenant, Tenant]) -> None:
    with platform("read"):
        assert [o.slug for o in billed_organisations()] == ["ada"]
        assert [o.slug for o in sandboxes()] == ["quarry"]


def test_a_list_of_the_admin_has_them_only_when_they_are_asked_for(
    both: tuple[Tenant, Tenant], finance_client: Client
) -> None:
    for model in admin.site._registry:
        label, (_, quarry) = model._meta.label, both
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if label in ALWAYS_THERE:
            assert names(finance_client, address) == {"Ada", "Quarry"}
            continue
        for parameters in ({}, {"q": "a"}, {"q": "quarry"}):
            assert "Quarry" not in names(finance_client, address, **parameters), label
        if not tenant_column(model):
            continue
        assert names(finance_client, address, q="ada") == {"Ada"}, label
        chosen = {"state": "sandbox"} if label == "wallets.Wallet" else {"sandbox": "yes"}
        assert names(finance_client, address, q="quarry", **chosen) == {"Quarry"}, label
        if issubclass(type(admin.site._registry[model]), TenantAdmin):
            assert names(finance_client, address, organisation=quarry.id) == {"Quarry"}, label


def test_what_needs_a_person_is_never_about_a_sandbox(both: tuple[Tenant, Tenant], finance_client: Client) -> None:
    verify()
    page = finance_client.get("/admin/")
    assert [alert.organisation.slug for alert in page.context["alerts"]] == ["ada"]
    with platform("write"):
        Organisation.objects.update(sandbox=True)
    page = finance_client.get("/admin/")
    assert (list(page.context["stopped"]), list(page.context["alerts"])) == ([], [])
    assert "Nothing needs you." in page.content.decode()


def test_finance_can_reach_a_sandbox_and_give_it_credits(both: tuple[Tenant, Tenant], finance_client: Client) -> None:
    _, quarry = both
    page = finance_client.get("/admin/wallets/wallet/").content.decode()
    [link] = re.findall(r'href="(\?state=sandbox)"', page)
    assert (
        f"/admin/wallets/wallet/{quarry.id}/change/"
        in finance_client.get(f"/admin/wallets/wallet/{link}").content.decode()
    )
    assert finance_client.get(f"/admin/wallets/wallet/{quarry.id}/change/").status_code == 200
    assert finance_client.get(f"/admin/wallets/wallet/{quarry.id}/give-credits/").status_code == 200


def test_whoever_works_across_organisations_is_known_here() -> None:
    root, command = (
        Path(django_settings.BASE_DIR),
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
    )
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split()
    product = [root / name for name in listed if not name.startswith(("tests/", "benchmarks/", "scripts/"))]
    found = [file for file in product if file.is_file() and re.search(r"(with|,) platform\(", file.read_text())]
    assert {str(file.relative_to(root)) for file in found} == set(ACROSS)
