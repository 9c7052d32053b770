"""What of wallets needs a second person: adjustments either way and lots that expire, done as they were asked for."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.clock import billing_now
from organisations.approvals import approve
from organisations.errors import CannotBeDone, NeedsSecondPerson
from organisations.models import User
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model, make_user
from tests.metering.figures import one, rows_of, verified, wallet
from wallets.approvals import ask_for_adjustment, ask_for_grant
from wallets.services import adjust

D = Decimal


@pytest.fixture
def asker(transactional_db: None) -> User:
    return make_user("asker@platform.example", "finance")


@pytest.fixture
def second(transactional_db: None) -> User:
    return make_user("second@platform.example", "finance")


def wanted(tenant: Tenant, amount: str, by: User) -> dict[str, Any]:
    return {"organisation": tenant.organisation, "amount": D(amount), "reason": "Billed twice", "key": "k", "by": by}


@pytest.mark.parametrize(("amount", "words", "result", "left"), [
    ("150", "Add $150.00 as an adjustment", "$150.00 is added.", "250"),
    ("-100.00", "Take $100.00 as an adjustment", "$100.00 is taken.", "0"),
])  # fmt: skip
def test_an_adjustment_is_made_once_another_approves(
    amount: str, words: str, result: str, left: str, tenant: Tenant, asker: User, second: User, settings: Any
) -> None:
    settings.GRANT_LIMIT = "99"
    with pytest.raises(NeedsSecondPerson):
        adjust(**wanted(tenant, amount, asker))
    asked = ask_for_adjustment(**wanted(tenant, amount, asker))
    assert (asked.subject, wallet(tenant.id)[0]) == (words, 100)
    assert approve(approval_id=asked.pk, by=second).result == result
    assert wallet(tenant.id) == (D(left), D(0))
    assert rows_of("SELECT amount, reason, key, made_by_id FROM wallets_adjustment") == [
        (D(amount), "Billed twice", f"approval:{asked.pk}", asker.pk)
    ]
    verified()


def test_what_is_no_longer_available_is_not_taken_and_the_approver_reads_how_much_is_there(
    tenant: Tenant, asker: User, second: User
) -> None:
    asked = ask_for_adjustment(**wanted(tenant, "-100", asker))
    make_model({"input": "0", "output": "20"})
    api = Api(tenant)
    api.settle(api.authorise(max_output_tokens=1_000_000).json()["id"], output=1_000_000)
    with pytest.raises(CannotBeDone, match=r"Only \$80\.00 is available now"):
        approve(approval_id=asked.pk, by=second)
    assert wallet(tenant.id) == (D(80), D(0))
    assert one("SELECT state FROM organisations_approval") == ("asked",)


def test_a_lot_that_expires_does_so_when_it_was_asked_to(tenant: Tenant, asker: User, second: User) -> None:
    until = billing_now() + timedelta(days=2)
    fields = {**wanted(tenant, "200", asker), "kind": "promotional", "expires_at": until}
    asked, late = ask_for_grant(**fields), ask_for_grant(**{**fields, "key": "late"})
    assert asked.subject.startswith("Give $200.00 of promotional credits, until ")
    approve(approval_id=asked.pk, by=second)
    assert one("SELECT expires_at FROM wallets_grant WHERE amount = 200") == (until,)
    database.advance_clock(2 * 24 * 3600)
    with pytest.raises(CannotBeDone):
        approve(approval_id=late.pk, by=second)
    assert one("SELECT count(*) FROM wallets_grant WHERE amount = 200") == (1,)
