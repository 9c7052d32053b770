"""Credits given: once per key, within what one person may give, and posted to the ledger."""

import threading
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from organisations.errors import NeedsSecondPerson
from tests.factories import Tenant, make_user
from tests.metering.figures import one, rows_of, verified, wallet
from wallets.errors import GrantKeyReused
from wallets.services import grant_credits

D = Decimal


def give(tenant: Tenant, amount: str, **fields: object) -> object:
    wanted = {"kind": "paid", "reason": "wire of 3 May", "key": "k", **fields}
    return grant_credits(organisation=tenant.organisation, amount=D(amount), **wanted)


def test_a_promotional_grant_is_an_expense_and_a_paid_one_is_cash(tenant: Tenant) -> None:
    give(tenant, "5", kind="promotional")
    assert rows_of("SELECT kind, debit, credit, amount, balance_after FROM wallets_transfer ORDER BY id") == [
        ("grant", "cash_clearing", "credits_paid", D(100), D(100)),
        ("grant", "promotional_expense", "credits_promotional", D(5), D(105)),
    ]
    assert wallet(tenant.id) == (D(105), D(0))
    verified()


def test_the_same_key_gives_once(tenant: Tenant) -> None:
    assert give(tenant, "5") == give(tenant, "5")
    assert wallet(tenant.id) == (D(105), D(0))


@pytest.mark.parametrize("other", [{"amount": "6"}, {"kind": "promotional"}, {"reason": "another"}])
def test_a_key_used_for_another_grant_is_refused(tenant: Tenant, other: dict[str, str]) -> None:
    give(tenant, "5")
    with pytest.raises(GrantKeyReused):
        give(tenant, **{"amount": "5", **other})
    assert wallet(tenant.id) == (D(105), D(0))


def test_above_the_limit_one_person_is_not_enough(tenant: Tenant) -> None:
    finance = make_user("finance@platform.example", "finance")
    give(tenant, "100", by=finance)
    with pytest.raises(NeedsSecondPerson):
        give(tenant, "100.000000001", by=finance, key="other")
    assert wallet(tenant.id) == (D(200), D(0))


@pytest.mark.parametrize(
    "bad",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "0.0000000001"},
        {"amount": "NaN"},
        {"reason": " "},
        {"kind": "included"},
    ],
)
def test_a_grant_that_makes_no_sense_changes_nothing(tenant: Tenant, bad: dict[str, str]) -> None:
    with pytest.raises((ValidationError, KeyError, ValueError)):
        give(tenant, **{"amount": "1", **bad})
    assert wallet(tenant.id) == (D(100), D(0))
    assert one("SELECT count(*) FROM wallets_grant") == (1,)


def test_one_key_from_many_sides_at_once_gives_once(tenant: Tenant) -> None:
    start, failures = threading.Barrier(8), []

    def act() -> None:
        try:
            start.wait()
            give(tenant, "5")
        except Exception as error:  # whatever it is, the test must see it
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert failures == []
    assert wallet(tenant.id) == (D(105), D(0))


def test_grants_from_many_sides_at_once_all_count(tenant: Tenant) -> None:
    """Without the lock each would add to the same old balance."""
    start = threading.Barrier(8)

    def act(n: int) -> None:
        try:
            start.wait()
            give(tenant, "5", key=f"k{n}")
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[n]) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert wallet(tenant.id) == (D(140), D(0))
    verified()
