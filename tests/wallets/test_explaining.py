"""A balance explained at any moment: every figure is what independent SQL says, for every kind of transfer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.clock import billing_now
from common.tenancy import platform
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant
from tests.metering.figures import rows_of, verified
from wallets.explaining import Explanation, explain
from wallets.services import start_over

D = Decimal
CREDITS = "('credits_paid', 'credits_promotional', 'credits_included')"
CHANGE = f"CASE WHEN credit IN {CREDITS} THEN amount WHEN debit IN {CREDITS} THEN -amount ELSE 0 END"
BREAKAGE = """
WITH lot AS (UPDATE wallets_grant SET remaining = remaining - 2 WHERE id = %s RETURNING organisation_id, id, kind),
wallet AS (UPDATE wallets_wallet w SET balance = balance - 2, last_posted_at = billing_now() FROM lot
           WHERE w.organisation_id = lot.organisation_id RETURNING w.balance, w.last_posted_at)
INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, grant_id, posted_at)
SELECT lot.organisation_id, 'breakage', 'credits_' || lot.kind, 'breakage_revenue', 2, wallet.balance, lot.id,
       wallet.last_posted_at
FROM lot, wallet
"""


@pytest.fixture
def lived(transactional_db: None) -> Tenant:
    """A sandbox of two days: lots, usage, absorbed overrun, an expired rest, a start over, and usage again."""
    make_model({"input": "0", "output": "20"})
    tenant = make_tenant("quarry", sandbox=True)
    api = Api(tenant)
    give(tenant.organisation, "1")
    use(api, 60_000)  # $1.20: $0.20 of it are absorbed
    promotional = give(tenant.organisation, "5", "promotional")
    give(tenant.organisation, "7")
    use(api, 100_000)
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute(BREAKAGE, [promotional.pk])
    database.advance_clock(36 * 3600)
    use(api, 50_000)
    start_over(organisation=tenant.organisation, amount=D(20), reason="again", key="1")
    use(api, 10_000)
    assert api.authorise(max_output_tokens=100).status_code == 201
    verified()
    return tenant


def use(api: Api, tokens: int) -> None:
    hold = api.authorise(max_output_tokens=100).json()["id"]
    assert api.settle(hold, output=tokens).status_code == 200


def explained(tenant: Tenant, at: datetime, start: datetime | None = None) -> Explanation:
    with platform("read", snapshot=True):
        return explain(tenant.organisation, at, start)


def moments(tenant: Tenant) -> list[datetime]:
    """Just before, at and just after every posting, and long before the first."""
    posted = [at for (at,) in rows_of("SELECT DISTINCT posted_at FROM wallets_transfer ORDER BY 1")]
    little = timedelta(microseconds=1)
    return [posted[0] - timedelta(days=400), *[at + step for at in posted for step in (-little, little * 0, little)]]


def by_sql(tenant: Tenant, at: datetime, start: datetime | None) -> dict[str, Any]:
    start = start or datetime(1, 1, 1, tzinfo=UTC)
    [(balance, opening)] = rows_of(
        f"SELECT coalesce(sum({CHANGE}), 0), coalesce(sum({CHANGE}) FILTER (WHERE posted_at < %s), 0)"
        " FROM wallets_transfer WHERE organisation_id = %s AND posted_at <= %s",
        start, tenant.id, at,
    )  # fmt: skip
    moved = rows_of(
        f"SELECT kind, count(*), sum(amount), sum({CHANGE}) FROM wallets_transfer"
        " WHERE organisation_id = %s AND posted_at BETWEEN %s AND %s GROUP BY kind, debit, credit",
        tenant.id, start, at,
    )  # fmt: skip
    lots = rows_of(
        f"SELECT grant_id, sum({CHANGE}) FROM wallets_transfer WHERE organisation_id = %s AND posted_at <= %s"
        f" AND grant_id IS NOT NULL GROUP BY grant_id HAVING sum({CHANGE}) <> 0",
        tenant.id, at,
    )  # fmt: skip
    return {"balance": balance, "opening": opening, "moved": sorted(moved), "lots": sorted(lots)}


def as_told(told: Explanation) -> dict[str, Any]:
    kinds = {"Grant": "grant", "Usage": "usage", "Absorbed overrun": "absorbed", "Correction": "correction",
             "Breakage": "breakage"}  # fmt: skip
    return {
        "balance": told.balance,
        "opening": told.opening,
        "moved": sorted((kinds[m.kind], m.number, m.amount, m.change) for m in told.movements),
        "lots": sorted((lot.grant.pk, lot.left) for lot in told.lots),
    }


def test_every_figure_at_every_moment_is_what_sql_says(lived: Tenant) -> None:
    seen: set[str] = set()
    for at in moments(lived):
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        for start in (None, day, day.replace(day=1)):
            told = explained(lived, at, start)
            assert as_told(told) == by_sql(lived, at, start), at
            assert told.agree
            seen |= {movement.kind for movement in told.movements}
    assert seen == {"Grant", "Usage", "Absorbed overrun", "Correction", "Breakage"}


def test_what_was_held_is_what_ran_at_that_moment(lived: Tenant) -> None:
    holds = rows_of("SELECT authorised_at, ended_at, amount FROM wallets_hold ORDER BY authorised_at")
    assert len(holds) == 5
    for begun, ended, amount in holds:
        at_once = explained(lived, begun).held
        assert (at_once.number, at_once.amount, len(at_once.holds)) == (1, amount, 1)
        if ended:
            assert explained(lived, ended).held.number == 0
            assert explained(lived, ended - timedelta(microseconds=1)).held.amount == amount
        assert explained(lived, begun - timedelta(microseconds=1)).held.number == 0


def test_the_newest_transfers_before_it_are_shown(lived: Tenant) -> None:
    [(first, second)] = rows_of(
        "SELECT min(posted_at), (array_agg(posted_at ORDER BY id))[3] FROM wallets_transfer WHERE organisation_id = %s",
        lived.id,
    )
    assert [row.transfer.kind for row in explained(lived, first).rows] == ["grant"]
    assert [row.transfer.kind for row in explained(lived, second).rows] == ["absorbed", "usage", "grant"]


def test_where_the_books_differ_it_says_so(lived: Tenant) -> None:
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE wallets_grant SET remaining = remaining - 1 WHERE remaining > 1")
    told = explained(lived, billing_now())
    assert not told.agree
    assert told.by_transfers == told.balance == told.by_lots + 1


def test_a_wallet_that_never_had_credits_is_explained_as_nothing(transactional_db: None) -> None:
    told = explained(make_tenant("ben"), billing_now())
    assert (told.balance, told.movements, told.lots, told.held.amount, told.agree) == (0, [], [], 0, True)
