"""A cast for the admin's pages: Ada's organisation with calls settled, absorbed and open, and who looks at it."""

from types import SimpleNamespace
from typing import Any

import pytest

from common.tenancy import platform
from organisations.models import ApiKey, Organisation
from tests import cast
from tests.factories import Tenant, make_tenant, make_user
from wallets.models import Grant, Hold, Transfer


@pytest.fixture(autouse=True)
def _cheap_hashes(settings: Any) -> None:
    """These tests make hundreds of people; argon2 is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def lived(transactional_db: None) -> Tenant:
    cast.model_for_all()
    return cast.lived_in("ada")


@pytest.fixture
def other(lived: Tenant) -> Tenant:
    """Ben's organisation never had credits: it has no wallet row."""
    return make_tenant("ben")


@pytest.fixture
def staff(transactional_db: None) -> SimpleNamespace:
    roles = ("superuser", "finance", "support")
    return SimpleNamespace(**{role: make_user(f"{role}@platform.example", role) for role in roles})


class Facts:
    """What the database says, read as the platform does."""

    def organisation(self, tenant: Tenant) -> Organisation:
        with platform("read"):
            return Organisation.objects.select_related("wallet").get(pk=tenant.id)

    def grants(self, tenant: Tenant) -> list[Grant]:
        with platform("read"):
            return list(Grant.objects.filter(organisation_id=tenant.id).order_by("pk"))

    def transfers(self, tenant: Tenant) -> list[Transfer]:
        with platform("read"):
            return list(Transfer.objects.filter(organisation_id=tenant.id).order_by("pk"))

    def keys(self, tenant: Tenant) -> list[ApiKey]:
        with platform("read"):
            return list(ApiKey.objects.filter(organisation_id=tenant.id).order_by("pk"))

    def settled_hold(self, tenant: Tenant) -> Hold:
        with platform("read"):
            return Hold.objects.get(organisation_id=tenant.id, state="settled")


@pytest.fixture
def facts() -> Facts:
    return Facts()
