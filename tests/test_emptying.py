"""Emptying the database between tests neither disturbs nor deadlocks with what a web process still does."""

import threading

import pytest

from tests import database
from tests.cast import app
from tests.factories import Tenant, make_tenant
from tests.metering.figures import one


def test_everything_is_gone_and_ids_begin_anew(tenant: Tenant) -> None:
    database.empty()
    assert one("SELECT count(*) FROM organisations_auditentry") == one("SELECT count(*) FROM wallets_transfer") == (0,)
    assert make_tenant("ben").id == 1


def test_who_reads_goes_on_reading(tenant: Tenant) -> None:
    with app(platform="read") as reader:
        assert reader.execute("SELECT count(*) FROM wallets_wallet").fetchone() == (1,)
        database.empty()
        assert reader.execute("SELECT count(*) FROM organisations_user").fetchone() == (0,)


@pytest.mark.parametrize("first", ["wallets_wallet", "organisations_organisation"])
def test_who_writes_is_waited_for_without_holding_what_it_needs_next(tenant: Tenant, first: str) -> None:
    tables = {"wallets_wallet": "organisation_id", "organisations_organisation": "id"}
    emptying = threading.Thread(target=database.empty)
    with app(platform="write") as writer:
        writer.execute(f"SELECT 1 FROM {first} FOR UPDATE")
        emptying.start()
        emptying.join(0.2)
        for table, column in tables.items():
            writer.execute(f"SELECT {column} FROM {table} FOR UPDATE")
        assert emptying.is_alive()
    emptying.join(10)
    assert one("SELECT count(*) FROM organisations_organisation") == (0,)
