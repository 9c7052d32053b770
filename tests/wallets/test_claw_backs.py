"""Money taken back: what is left of that lot, a receivable for what is spent; the same in whatever order it is told."""

import itertools
from decimal import Decimal

import pytest

from metering.expiry import end_expired_holds
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, rows_of, verified, wallet
from tests.wallets.dollars import D, available, balance, dollar_model, give, hold, in_, left, posted, refused, spend
from wallets.errors import NotBought
from wallets.models import ClawBack, Grant
from wallets.services import claw_back, close_due_lots, give_back


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    dollar_model()
    return make_tenant()


def take(lot: Grant, amount: str, cause: str = "refund", key: str = "") -> ClawBack:
    return claw_back(lot=lot, cause=cause, amount=D(amount), reason="told by the bank", key=key or cause)


def owed(lot: Grant) -> Decimal:
    return one("SELECT owed FROM wallets_grant WHERE id = %s", lot.pk)[0]


def accounts() -> dict[str, Decimal]:
    """What each account has been debited less what it was credited, where it is not zero."""
    return dict(rows_of(
        "SELECT account, sum(amount) FROM (SELECT debit AS account, amount FROM wallets_transfer"
        " UNION ALL SELECT credit, -amount FROM wallets_transfer) x GROUP BY 1 HAVING sum(amount) <> 0"
    ))  # fmt: skip


@pytest.mark.parametrize("spent", ["0", "0.4"])
@pytest.mark.parametrize("order", list(itertools.permutations(["failed", "void", "bought"])), ids="-".join)
def test_paid_failed_void_each_told_five_times_in_any_order(
    tenant: Tenant, api: Api, spent: str, order: tuple[str, ...]
) -> None:
    """A payment that failed after all takes the credits it brought once, whoever tells it how often."""
    lot = give(tenant, "1", key="bought")
    if spent != "0":
        make_model({"input": "0", "output": "400000"}, name="small")
        call = api.authorise(model="small", max_output_tokens=1).json()["id"]
        assert api.settle(call, output=1).json()["charged"] == "0.400000000"
    for event, _ in itertools.product(order, range(5)):
        if event == "bought":
            assert give(tenant, "1", key="bought") == lot
        else:
            take(lot, "1", "reversal", key=event)
    assert wallet(tenant.id) == (D(0), D(0))
    assert owed(lot) == D(spent)
    expected = {"cash_clearing": D(0), "usage_revenue": -D(spent), "receivable": D(spent)}
    assert accounts() == {name: amount for name, amount in expected.items() if amount}
    verified()


def test_a_refund_takes_what_is_left_and_the_rest_is_a_receivable(tenant: Tenant, api: Api) -> None:
    lot = give(tenant, "10")
    give(tenant, "5")
    spend(api, 4)
    take(lot, "10")
    assert posted("claw_back") == [
        ("claw_back", "credits_paid", "refunds", "6"), ("claw_back", "receivable", "refunds", "4"),
    ]  # fmt: skip
    # Of that lot alone: what else was bought stays.
    assert (balance(tenant), owed(lot), available(api)) == ("5", D(4), 5)
    verified()


@pytest.mark.parametrize(
    ("cause", "account"), [("refund", "refunds"), ("dispute", "disputes"), ("reversal", "cash_clearing")]
)
def test_each_cause_has_its_account(tenant: Tenant, cause: str, account: str) -> None:
    take(give(tenant, "10"), "3", cause)
    assert posted("claw_back") == [("claw_back", "credits_paid", account, "3")]
    verified()


@pytest.mark.parametrize("causes", [("refund", "dispute"), ("dispute", "refund")], ids="-then-".join)
def test_a_refund_and_a_dispute_of_one_payment_take_it_once(tenant: Tenant, api: Api, causes: tuple[str, str]) -> None:
    lot = give(tenant, "10")
    give(tenant, "7")
    spend(api, 3)
    assert [take(lot, "10", cause).amount for cause in causes] == [D(10), D(0)]
    assert (balance(tenant), owed(lot)) == ("7", D(3))
    verified()


def test_parts_add_up_to_no_more_than_was_bought(tenant: Tenant) -> None:
    lot = give(tenant, "10")
    assert [take(lot, "4", key=key).amount for key in ("a", "b", "c", "d")] == [D(4), D(4), D(2), D(0)]
    assert balance(tenant) == "0"
    verified()


def test_what_running_calls_hold_is_collected_when_they_end(tenant: Tenant, api: Api) -> None:
    lot = give(tenant, "10")
    first, second = hold(api, 4), hold(api, 3)
    take(lot, "10")
    assert wallet(tenant.id) == (D(7), D(7))
    assert owed(lot) == D(7)
    assert refused(api, 1)["available"] == "0.000000000"
    api.settle(first, output=1)
    close_due_lots()
    assert (wallet(tenant.id), owed(lot)) == ((D(3), D(3)), D(4))
    api.release(second)
    close_due_lots()
    assert (wallet(tenant.id), owed(lot)) == ((D(0), D(0)), D(1))
    assert posted("claw_back", "collection") == [
        ("claw_back", "credits_paid", "refunds", "3"), ("claw_back", "receivable", "refunds", "7"),
        ("collection", "credits_paid", "receivable", "3"), ("collection", "credits_paid", "receivable", "3"),
    ]  # fmt: skip
    verified()


def test_no_new_call_spends_a_lot_that_is_owed_back(tenant: Tenant, api: Api) -> None:
    lot = give(tenant, "10")
    call = hold(api, 10)
    take(lot, "10")
    give(tenant, "2")
    assert available(api) == 2
    later = hold(api, 2)
    assert api.settle(call, output=1).json()["charged"] == "1.000000000"
    assert api.settle(later, output=5).json()["charged"] == "2.000000000"
    assert (balance(tenant), owed(lot)) == ("0", D(1))
    verified()


@pytest.mark.parametrize("spent", [0, 4, 10])
def test_a_dispute_that_was_won_gives_everything_back_once(tenant: Tenant, api: Api, spent: int) -> None:
    lot = give(tenant, "10")
    if spent:
        spend(api, spent)
    taken = take(lot, "10", "dispute")
    for _ in range(3):
        give_back(taken)
    assert (left(lot), owed(lot), available(api)) == (D(10 - spent), D(0), 10 - spent)
    assert "receivable" not in accounts()
    assert "disputes" not in accounts()
    # Told again, the lost dispute stays won; another one can take it.
    take(lot, "10", "dispute")
    assert balance(tenant) == str(10 - spent)
    assert take(lot, "10", "refund").amount == D(10)
    assert (balance(tenant), owed(lot)) == ("0", D(spent))
    verified()


def test_what_was_collected_comes_back_too(tenant: Tenant, api: Api) -> None:
    lot = give(tenant, "10")
    call = hold(api, 6)
    taken = take(lot, "10", "dispute")
    api.settle(call, output=2)
    close_due_lots()
    assert (balance(tenant), owed(lot)) == ("0", D(2))
    give_back(taken)
    assert (balance(tenant), owed(lot), available(api)) == ("8", D(0), 8)
    verified()


def test_given_back_after_the_lot_expired_it_is_breakage(tenant: Tenant) -> None:
    lot = give(tenant, "10", expires_at=in_(hours=1))
    taken = take(lot, "10", "dispute")
    database.advance_clock(3601)
    give_back(taken)
    assert balance(tenant) == "0"
    assert posted("breakage") == [("breakage", "credits_paid", "breakage_revenue", "10")]
    verified()


def test_taken_back_after_the_lot_expired_all_of_it_is_owed(tenant: Tenant) -> None:
    lot = give(tenant, "10", expires_at=in_(hours=1))
    database.advance_clock(3601)
    take(lot, "10")
    assert (balance(tenant), owed(lot)) == ("0", D(10))
    verified()


def test_a_correction_of_usage_is_collected_for_what_is_owed(tenant: Tenant, api: Api) -> None:
    """A call was estimated, its lot taken back, and then it turns out to have cost less."""
    lot = give(tenant, "10")
    call = hold(api, 8, dispatched=True)
    api.progress(call, 1, output=8)
    database.advance_clock(3600)
    end_expired_holds()
    take(lot, "10")
    assert owed(lot) == D(8)
    assert api.settle(call, output=5).status_code == 200
    close_due_lots()
    assert (balance(tenant), owed(lot)) == ("0", D(5))
    verified()


def test_what_was_not_bought_is_not_taken_back(tenant: Tenant) -> None:
    with pytest.raises(NotBought):
        take(give(tenant, "10", "promotional"), "10")
    assert balance(tenant) == "10"
