"""Finance asks why a balance was what it was at a moment."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from common.templatetags.figures import exact
from tests import database
from tests.factories import Tenant
from tests.metering.figures import rows_of


@pytest.fixture
def client(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> Client:
    return client_for(staff.support)


def address(tenant: Tenant) -> str:
    return f"/admin/wallets/wallet/{tenant.id}/explain/"


def test_the_wallet_leads_to_its_explanation_which_is_of_now(client: Client, lived: Tenant) -> None:
    assert address(lived) in client.get(f"/admin/wallets/wallet/{lived.id}/change/").content.decode()
    page = client.get(address(lived))
    told = page.context["told"]
    [(balance, held)] = rows_of("SELECT balance, held FROM wallets_wallet WHERE organisation_id = %s", lived.id)
    assert (told.balance, told.by_transfers, told.by_lots, told.held.amount) == (balance, balance, balance, held)
    text = page.content.decode()
    assert "agree" in text
    assert exact(balance, "USD") in text
    assert "not out of this wallet" in text  # the absorbed overrun


def test_it_explains_the_moment_that_is_asked_for(client: Client, lived: Tenant) -> None:
    [(first, after)] = rows_of("SELECT posted_at, balance_after FROM wallets_transfer ORDER BY id LIMIT 1")
    for since in ("day", "month", "beginning"):
        told = client.get(address(lived), {"at": first.isoformat(), "since": since}).context["told"]
        assert (told.at, told.balance, [m.kind for m in told.movements]) == (first, after, ["Grant"])
    for at in (first.replace(tzinfo=None).isoformat(), f"{first:%Y-%m-%dT%H:%M:%S.%fZ}"):
        assert client.get(address(lived), {"at": at}).context["told"].at == first
    before = client.get(address(lived), {"at": "2020-02-29"}).context["told"]
    assert (before.balance, before.movements, before.lots) == (0, [], [])


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2999-01-01T00:00Z", "still to come"), ("yesterday", "such as 2026-11-25T09:00Z"),
        ("2026-02-30T00:00Z", "such as"), ("0001-01-01T00:00+14:00", "such as"), ("9" * 50, "at most 40"),
        ("2026-11-25\0", "Null characters"),
    ],
)  # fmt: skip
def test_what_is_no_moment_that_was_is_told_beside_the_field(client: Client, lived: Tenant, at: str, told: str) -> None:
    page = client.get(address(lived), {"at": at})
    assert page.status_code == 422
    assert told in page.context["form"].errors["at"][0]
    assert 'id="id_at_error"' in page.content.decode()
    assert page.context["told"] is None


def test_an_unknown_period_or_organisation_is_refused(client: Client, lived: Tenant) -> None:
    assert client.get(address(lived), {"since": "ever"}).status_code == 422
    assert client.get("/admin/wallets/wallet/999999/explain/").status_code == 404
    assert client.post(address(lived)).status_code == 405


ABSORBED_REPORT = """
WITH charge AS (INSERT INTO wallets_charge (id, organisation_id, cost, charged, posted_at)
  SELECT gen_random_uuid(), organisation_id, 1, 0, last_posted_at FROM wallets_wallet WHERE organisation_id = %s
  RETURNING *)
INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, charge_id, posted_at)
SELECT c.organisation_id, 'absorbed', 'absorbed_overrun', 'usage_revenue', 1, w.balance, c.id, c.posted_at
FROM charge c JOIN wallets_wallet w USING (organisation_id)
"""


def test_a_transfer_of_neither_lot_nor_call_is_told_too(client: Client, lived: Tenant) -> None:
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute(ABSORBED_REPORT, [lived.id])
    for page in (address(lived), f"/admin/wallets/wallet/{lived.id}/change/"):
        text = client.get(page).content.decode()
        assert "Reported usage" in text
        assert "paid by the platform" in text
