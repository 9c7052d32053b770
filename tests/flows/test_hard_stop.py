"""At zero, calls stop: exactly, whatever the concurrency. Over HTTP, against a real web process."""

import random
import threading
from decimal import Decimal

import psycopg
import pytest

from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, verified, wallet

D = Decimal
CALLERS = 64
SEED = 20261125


@pytest.fixture
def poor(transactional_db: None) -> Tenant:
    make_model({"input": "3", "cache_read": "0.3", "output": "15"})
    return make_tenant("cleo", credits="1.5")


class Watcher(threading.Thread):
    """Looks at the wallet from outside all the time and remembers the worst it saw."""

    def __init__(self, organisation: int) -> None:
        super().__init__()
        self.organisation, self.stop, self.looks, self.bad = organisation, threading.Event(), 0, []

    def run(self) -> None:
        with database.owner() as connection:
            connection.execute("SELECT set_config('app.platform', 'read', false)")
            while not self.stop.wait(0.02):
                self._look(connection)

    def _look(self, connection: psycopg.Connection) -> None:
        row = connection.execute(
            "SELECT balance, held, (SELECT coalesce(sum(remaining), 0) FROM wallets_grant g"
            "  WHERE g.organisation_id = w.organisation_id) FROM wallets_wallet w WHERE organisation_id = %s",
            [self.organisation],
        ).fetchone()
        self.looks += 1
        balance, held, lots = row
        if not (0 <= held <= balance == lots):
            self.bad.append(row)


def agent(tenant: Tenant, base: str, seed: int, charged: list[Decimal]) -> None:
    """Call until refused three times in a row; then leave the rest to the others."""
    api, dice, refused = Api(tenant, base), random.Random(seed), 0
    while refused < 3:
        inputs = dice.randint(0, 300)
        asked = api.authorise(input_tokens=inputs, max_output_tokens=dice.randint(1, 4_000), input_leaves=["input"])
        if asked.status_code == 402:
            refused += 1
            continue
        # Sometimes nothing, sometimes more than was authorised, as hidden tokens do.
        refused, most = 0, asked.json()["max_output_tokens"]
        used = dice.choice([0, dice.randint(0, most), most, most + dice.randint(0, 50)])
        charged.append(D(api.settle(asked.json()["id"], input=dice.randint(0, inputs), output=used).json()["charged"]))


def spend_the_rest(tenant: Tenant, base: str, charged: list[Decimal]) -> None:
    """Alone now: call until not even the smallest call, one token of output, can be paid."""
    api = Api(tenant, base)
    while (asked := api.authorise(max_output_tokens=4_000)).status_code == 201:
        held = asked.json()
        charged.append(D(api.settle(held["id"], output=held["max_output_tokens"]).json()["charged"]))
    assert asked.json()["affordable_output_tokens"] == 0


def test_64_callers_spend_exactly_what_there_is(server: str, poor: Tenant) -> None:
    watcher, charged = Watcher(poor.id), []
    watcher.start()
    threads = [threading.Thread(target=agent, args=[poor, server, SEED + n, charged]) for n in range(CALLERS)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    spend_the_rest(poor, server, charged)
    watcher.stop.set()
    watcher.join()
    balance, held = wallet(poor.id)
    assert watcher.bad == []
    assert watcher.looks > 50
    assert held == 0
    assert sum(charged) + balance == D("1.5")
    assert sum(charged) >= D("1.5") * D("0.99")
    assert one("SELECT sum(charge) FROM metering_usagerecord") == (sum(charged),)
    verified()


def test_64_callers_at_once_cannot_hold_more_than_there_is(server: str, poor: Tenant) -> None:
    # Each asks for $0.10 of a wallet of $1.50: fifteen fit, whoever comes first.
    make_model({"input": "0", "output": "100"}, name="dime")
    start, codes = threading.Barrier(CALLERS), []

    def call() -> None:
        api = Api(poor, server)
        start.wait()
        answer = api.authorise(model="dime", min_output_tokens=1_000, max_output_tokens=1_000)
        codes.append(answer.status_code)

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(codes) == [201] * 15 + [402] * 49
    assert wallet(poor.id) == (D("1.5"), D("1.5"))
