"""Finance corrects a wallet by hand: with a reason, once a key, within its limit, and undone by opposite transfers."""

import pytest
from django.core.exceptions import ValidationError

from organisations.errors import NeedsSecondPerson
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import one, rows_of, verified, wallet
from tests.wallets.dollars import D, available, balance, dollar_model, give, hold, in_, left, posted, spend
from wallets.errors import GrantKeyReused, NotAvailable, UndoneAlready
from wallets.models import Adjustment
from wallets.services import adjust, close_due_lots, undo_adjustment


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    dollar_model()
    return make_tenant()


def change(tenant: Tenant, amount: str, key: str = "k", **fields: object) -> Adjustment:
    return adjust(
        **{"organisation": tenant.organisation, "amount": D(amount), "reason": "Wrong price", "key": key, **fields}
    )


def test_credits_added_are_a_promotional_lot(tenant: Tenant, api: Api) -> None:
    change(tenant, "5")
    assert posted() == [("adjustment", "promotional_expense", "credits_promotional", "5")]
    assert one("SELECT kind, amount, remaining, reason FROM wallets_grant") == (
        "promotional",
        D(5),
        D(5),
        "Wrong price",
    )
    spend(api, 5)
    verified()


def test_credits_taken_come_off_the_lots_in_spending_order_each_to_its_own_account(tenant: Tenant) -> None:
    give(tenant, "3")
    give(tenant, "2", "promotional")
    soon = give(tenant, "1", "promotional", expires_at=in_(days=1))
    change(tenant, "-4")
    assert posted("adjustment") == [
        ("adjustment", "credits_promotional", "promotional_expense", "1"),
        ("adjustment", "credits_promotional", "promotional_expense", "2"),
        ("adjustment", "credits_paid", "cash_clearing", "1"),
    ]
    assert (balance(tenant), left(soon)) == ("2", D(0))
    verified()


def test_what_calls_hold_is_not_taken(tenant: Tenant, api: Api) -> None:
    soon = give(tenant, "3", "promotional", expires_at=in_(days=1))
    give(tenant, "3")
    call = hold(api, 2)
    with pytest.raises(NotAvailable) as refused:
        change(tenant, "-5")
    assert refused.value.available == D(4)
    change(tenant, "-4")
    assert (wallet(tenant.id), left(soon)) == ((D(2), D(2)), D(2))
    assert api.settle(call, output=2).status_code == 200
    verified()


def test_the_same_key_adjusts_once_and_asks_for_nothing_else(tenant: Tenant) -> None:
    assert change(tenant, "5") == change(tenant, "5")
    for other in ({"amount": "6"}, {"reason": "another"}, {"amount": "-5"}):
        with pytest.raises(GrantKeyReused):
            change(tenant, **{"amount": "5", **other})
    assert balance(tenant) == "5"
    verified()


@pytest.mark.parametrize("bad", [{"amount": "0"}, {"reason": " "}, {"amount": "0.0000000001"}, {"amount": "NaN"}])
def test_an_adjustment_that_makes_no_sense_changes_nothing(tenant: Tenant, bad: dict[str, str]) -> None:
    give(tenant, "1")
    with pytest.raises((ValidationError, ValueError, ArithmeticError)):
        change(tenant, bad.get("amount", "1"), **({"reason": bad["reason"]} if "reason" in bad else {}))
    assert (balance(tenant), one("SELECT count(*) FROM wallets_adjustment")) == ("1", (0,))


@pytest.mark.parametrize("amount", ["100.000000001", "-100.000000001"])
def test_above_the_limit_either_way_one_person_is_not_enough(tenant: Tenant, amount: str) -> None:
    give(tenant, "500")
    asker, other = make_user("a@platform.example", "finance"), make_user("b@platform.example", "finance")
    for approver in (None, asker):
        with pytest.raises(NeedsSecondPerson):
            change(tenant, amount, by=asker, approved_by=approver)
    change(tenant, amount, by=asker, approved_by=other)
    change(tenant, "100" if amount[0] != "-" else "-100", key="at the limit", by=asker)
    assert one("SELECT count(*) FROM wallets_adjustment") == (2,)
    verified()


@pytest.mark.parametrize("amount", ["4", "-4"])
def test_undone_by_the_opposite_of_each_transfer_once(tenant: Tenant, amount: str) -> None:
    give(tenant, "3")
    give(tenant, "2", "promotional")
    before = rows_of("SELECT id, remaining FROM wallets_grant ORDER BY id")
    first = change(tenant, amount)
    undone = undo_adjustment(first, reason="It was right", key="undo")
    assert undone == undo_adjustment(first, reason="It was right", key="undo")
    with pytest.raises(UndoneAlready):
        undo_adjustment(first, reason="again", key="another")
    pairs = rows_of(
        "SELECT c.kind, (c.debit, c.credit, c.amount, c.grant_id) = (o.credit, o.debit, o.amount, o.grant_id)"
        " FROM wallets_transfer c JOIN wallets_transfer o ON o.id = c.corrects_id"
    )
    assert pairs == [("correction", True)] * (1 if amount == "4" else 2)
    assert rows_of("SELECT id, remaining FROM wallets_grant ORDER BY id")[:2] == before
    assert (balance(tenant), undone.amount) == ("5", -D(amount))
    verified()


def test_what_was_given_and_is_spent_or_held_can_not_be_undone(tenant: Tenant, api: Api) -> None:
    given = change(tenant, "5")
    call = hold(api, 3)
    with pytest.raises(NotAvailable):
        undo_adjustment(given, reason="x", key="undo")
    api.settle(call, output=1)
    with pytest.raises(NotAvailable) as refused:
        undo_adjustment(given, reason="x", key="undo")
    assert (refused.value.available, balance(tenant)) == (D(4), "4")
    verified()


def test_undone_after_the_lot_expired_what_comes_back_is_breakage(tenant: Tenant, api: Api) -> None:
    give(tenant, "5", "promotional", expires_at=in_(hours=1))
    taken = change(tenant, "-4")
    database.advance_clock(3601)
    undo_adjustment(taken, reason="x", key="undo")
    assert (balance(tenant), available(api)) == ("0", 0)
    assert [row[3] for row in posted("breakage")] == ["1", "4"]
    close_due_lots()
    verified()
