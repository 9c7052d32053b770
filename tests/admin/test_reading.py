"""What finance reads: wallets, ledger with running balance, receipts, lists that are bounded and never counted."""

import itertools
import re
import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.tenancy import platform
from tests import database
from tests.factories import Tenant, give, make_tenant
from wallets.verification import verify

LISTS = [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry]
WALLET = "/admin/wallets/wallet/"


def test_the_wallet_page_adds_up(lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    page = client_for(staff.support).get(f"{WALLET}{lived.id}/change/")
    standing = page.context["standing"]
    assert (standing.balance, standing.held) == (Decimal(5), Decimal("0.002"))
    assert standing.available == Decimal("4.998")
    rows = page.context["ledger"].rows
    assert [row.transfer for row in rows] == facts.transfers(lived)[::-1]
    # Undone, adjusted, owed back for a lot that is spent, given, absorbed by the platform, charged, given.
    half = Decimal("0.5")
    assert [row.change for row in rows] == [-half, half, 0, 5, 0, -1, 1]
    running = Decimal(0)
    for row in reversed(rows):
        running += row.change
        assert row.transfer.balance_after == running
    text = page.content.decode()
    for shown in (
        "−$1.000000000",
        "+$5.000000000",
        "Promotional expense → Credits, promotional",
        "paid by the platform",
        "not out of this wallet",
    ):
        assert shown in text


def test_grants_stand_in_the_order_in_which_they_are_spent(
    lived: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    give(lived.organisation, "3")
    give(lived.organisation, "2", "promotional")
    page = client_for(staff.finance).get(f"{WALLET}{lived.id}/change/")
    assert [(g.kind, g.remaining) for g in page.context["grants"]] == [
        ("promotional", 5), ("promotional", 2), ("paid", 3)
    ]  # fmt: skip


def test_the_ledger_is_paged_by_key(lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    for _ in range(60):
        give(lived.organisation, "0.5")
    client, url, seen = client_for(staff.finance), f"{WALLET}{lived.id}/change/", []
    older = None
    while True:
        ledger = client.get(url, {"before": older} if older else {}).context["ledger"]
        seen += [row.transfer.pk for row in ledger.rows]
        give(lived.organisation, "0.5")  # a row that comes while somebody reads moves nothing
        if (older := ledger.older) is None:
            break
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 67
    for bad in ("x", "0", "-1", "1" * 30, "1.5", "٣"):
        assert client.get(url, {"before": bad}).status_code == 404


def test_wallets_are_found_by_state_also_without_a_row(
    lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    make_tenant("cleo", credits="20")
    client = client_for(staff.support)

    def listed(**parameters: str) -> list[tuple[str, str]]:
        return [(row.organisation.slug, row.state) for row in client.get(WALLET, parameters).context["rows"]]

    assert listed() == [("ada", "low"), ("ben", "stopped"), ("cleo", "ok")]
    for slug, state in listed():
        assert listed(state=state) == listed(q=slug) == [(slug, state)]
    assert client.get(WALLET, {"state": "rich"}).status_code == 404
    empty = client.get(f"{WALLET}{other.id}/change/")
    assert empty.context["standing"].available == 0
    assert "No credits are left." in empty.content.decode()


def test_a_transfer_leads_to_its_receipt(lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    client, hold = client_for(staff.finance), facts.settled_hold(lived)
    url = f"/admin/metering/usagerecord/receipt/{hold.pk}/"
    assert url in client.get(f"{WALLET}{lived.id}/change/").content.decode()
    assert url in client.get("/admin/wallets/transfer/").content.decode()
    page = client.get(url)
    receipt = page.context["receipt"]
    assert (receipt.cost, receipt.charged, receipt.absorbed) == ("1.200000000", "1.000000000", "0.200000000")
    text = page.content.decode()
    for shown in ("Recomputed: agrees", "60,000", "1 Jan 2026", "$20.00", "half away from zero", "$1.200000000"):
        assert shown in text


def test_a_receipt_that_differs_says_so(lived: Tenant, staff: SimpleNamespace, client_for: Any, facts: Any) -> None:
    hold = facts.settled_hold(lived)
    with database.owner() as outside:
        outside.execute("SELECT set_config('app.platform', 'write', false)")
        outside.execute("UPDATE metering_usagerecord SET leaves = '{\"output\": 59999}' WHERE hold_id = %s", [hold.pk])
    text = client_for(staff.finance).get(f"/admin/metering/usagerecord/receipt/{hold.pk}/").content.decode()
    assert "Recomputed: differs" in text
    assert '$1.199980000 <span class="faint">stored $1.200000000</span>' in text


def test_unknown_and_unsettled_receipts_are_not_found(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    with platform("read"):
        running = lived.organisation.holds.get(state="open").pk
    for hold in (running, uuid.uuid4()):
        assert client_for(staff.finance).get(f"/admin/metering/usagerecord/receipt/{hold}/").status_code == 404


def test_lists_are_bounded_and_never_counted(
    lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    verify()
    client = client_for(staff.finance)
    variants = ({}, {"q": "ada"}, {"organisation": lived.id}, {"p": "2"}, {"o": "-1"}, {"all": ""}, {"_facets": "1"})
    for path, parameters in itertools.product(LISTS, variants):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path, parameters)
        without_that_filter = "organisation" in parameters and answer.status_code == 400
        assert without_that_filter or answer.status_code == 200, (path, parameters)
        asked = [query["sql"] for query in queries]
        assert not [sql for sql in asked if "COUNT(" in sql.upper()], (path, parameters)
        assert len(asked) <= 14, (path, parameters, asked)
        big = [sql for sql in asked if re.search(r'FROM "(wallets|metering)_', sql)]
        assert all("LIMIT" in sql for sql in big), (path, parameters, big)


def test_a_longer_list_takes_no_more_queries(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    client = client_for(staff.finance)

    def asked() -> dict[str, int]:
        counts = {}
        for path in LISTS:
            with CaptureQueriesContext(connection) as queries:
                client.get(path, {"q": "e"})
            counts[path] = len(queries)
        return counts

    asked()  # the first look fills caches of content types
    before = asked()
    for slug in ("ella", "emma", "erik"):
        make_tenant(slug, credits="1")
        give(lived.organisation, "1")
    assert asked() == before


def test_pages_end_where_one_may_look_no_further(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> None:
    for _ in range(50):
        give(lived.organisation, "1")
    client = client_for(staff.finance)
    first = client.get("/admin/wallets/transfer/").context["cl"]
    second = client.get("/admin/wallets/transfer/" + first.next_page).context["cl"]
    assert (len(first.result_list), first.has_next, second.has_next) == (50, True, False)
    assert [row.pk for row in [*first.result_list, *second.result_list]] == list(range(57, 0, -1))
    for page in ("0", "-1", "101", "999999999999999999999"):
        assert client.get("/admin/wallets/transfer/", {"p": page}).status_code == 404


def test_the_first_page_names_who_is_stopped_and_what_was_absorbed(
    lived: Tenant, other: Tenant, staff: SimpleNamespace, client_for: Any
) -> None:
    page = client_for(staff.support).get("/admin/")
    assert [found.slug for found in page.context["stopped"]] == ["ben"]
    assert [alert.absorbed for alert in page.context["alerts"]] == [Decimal("0.2")]
