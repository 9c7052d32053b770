"""An organisation whose calls are suspended for overrun: loud in the admin, cleared by finance with a reason."""

import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests import cast
from tests.admin.test_adjustments import text
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, rows_of, verified

CLEAR = "/admin/wallets/overrunclearance/clear/{}/"
WALLET = "/admin/wallets/wallet/{}/change/"


@pytest.fixture
def halted(transactional_db: None) -> Tenant:
    """A call that cost $8.00 more than it held, with nothing else in the wallet."""
    make_model({"input": "0", "output": "20"})
    tenant = make_tenant("halted", credits="2")
    api = Api(tenant)
    api.settle(api.authorise(max_output_tokens=100_000).json()["id"], output=500_000)
    return tenant


def form(**fields: str) -> dict[str, str]:
    return {"form_id": str(uuid.uuid4()), "reason": "Bounds were mended", **fields}


def test_it_is_shown_and_cleared_and_calls_go_on(client_for: Any, halted: Tenant, staff: SimpleNamespace) -> None:
    from tests.factories import give

    give(halted.organisation, "10")
    assert Api(halted).authorise().json()["code"] == "suspended_overrun"
    client = client_for(staff.finance)
    start, page = text(client.get("/admin/")), client.get(WALLET.format(halted.id))
    assert "Halted: calls are refused since" in start
    assert "too much had to be absorbed ($8.00)" in start
    assert "Calls are suspended." in text(page)
    assert CLEAR.format(halted.id) in page.content.decode()
    sent = form()
    for _ in range(2):
        assert client.post(CLEAR.format(halted.id), sent).status_code == 302
    assert rows_of("SELECT absorbed, reason, cleared_by_id FROM wallets_overrunclearance") == [
        (Decimal(8), "Bounds were mended", staff.finance.pk)
    ]
    assert Api(halted).authorise().status_code == 201
    assert "Halted: calls are refused" not in text(client.get("/admin/"))
    assert "Calls are suspended." not in text(client.get(WALLET.format(halted.id)))
    assert "Bounds were mended" in text(client.get("/admin/wallets/overrunclearance/"))
    verified()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_it_takes_a_reason(client_for: Any, halted: Tenant, staff: SimpleNamespace, reason: str) -> None:
    answer = client_for(staff.finance).post(CLEAR.format(halted.id), form(reason=reason))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["reason"])
    assert one("SELECT overrun_since IS NOT NULL, absorbed_today FROM wallets_wallet") == (True, Decimal(8))


def test_support_sees_it_and_may_not(client_for: Any, halted: Tenant, staff: SimpleNamespace) -> None:
    support, before = client_for(staff.support), cast.contents()
    page = support.get(WALLET.format(halted.id))
    assert "Calls are suspended." in text(page)
    assert CLEAR.format(halted.id) not in page.content.decode()
    for method in (support.get, support.post):
        assert method(CLEAR.format(halted.id), form()).status_code == 403
    assert cast.contents() == before


def test_a_sandbox_is_not_on_the_first_page(client_for: Any, staff: SimpleNamespace, transactional_db: None) -> None:
    sandbox = make_tenant("box", sandbox=True, credits="5")
    cast.suspend_for_overrun(sandbox)
    client = client_for(staff.finance)
    assert "Box: calls are refused" not in text(client.get("/admin/"))
    assert "Calls are suspended." in text(client.get(WALLET.format(sandbox.id)))
