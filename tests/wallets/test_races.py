"""Every pair of operations on one wallet at the same moment: nothing breaks, nobody waits for ever, the books agree."""

import itertools
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from common.clock import billing_now
from metering import ledger
from metering.expiry import end_expired_holds
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_tenant
from tests.metering.figures import one, verified
from tests.wallets.dollars import D, dollar_model, give, hold
from wallets import services
from wallets.errors import NotAvailable
from wallets.models import Grant

EACH = 3  # threads of each of the two operations


class Race:
    """A wallet with everything that an operation may want: running calls, an expired one, lots that are due."""

    def __init__(self, slug: str) -> None:
        self.tenant: Tenant = make_tenant(slug, credits="40")
        services.set_budget(
            organisation=self.tenant.organisation, scope="organisation", target="", period="day", amount=D(90)
        )
        self.bought: Grant = give(self.tenant, "20", "paid")
        give(self.tenant, "9", "promotional", expires_at=billing_now() + timedelta(minutes=20))
        self.terms = one("SELECT digest::text FROM wallets_terms")[0]
        running = [self._call(2, 2) for _ in range(2 * EACH)]
        lost = [self._call(1, 1, ttl=60, dispatched=True) for _ in range(2)]
        assert {result.outcome for result in ledger.authorise(running + lost)} == {"authorised"}
        self.calls = iter([operation.hold for operation in running])

    def _call(self, wanted: int, minimum: int, ttl: int = 7200, dispatched: bool = False) -> ledger.Authorise:
        return ledger.Authorise(
            organisation=self.tenant.id, key=str(uuid.uuid4()), fingerprint="", hold=str(uuid.uuid4()), fixed="0",
            unit="1", asked=wanted, wanted=wanted, minimum=minimum, ttl=ttl, terms=self.terms,
            subjects=["organisation:"], project=self.tenant.project.pk, agent=self.tenant.agent.pk,
            api_key=self.tenant.key.pk, model=1, user="", run="", input_tokens=0, dispatched=dispatched,
        )  # fmt: skip

    # Each takes what it needs of its own before the race, and returns what is done in it.
    def authorise(self, wanted: int = 30, minimum: int = 1) -> Callable[[], Any]:
        operation = self._call(wanted, minimum)
        return lambda: ledger.authorise([operation])

    def progress(self) -> Callable[[], Any]:
        operation = ledger.Progress(self.tenant.id, next(self.calls), 1, "3", {"output": 3})
        return lambda: ledger.progress([operation])

    def settle(self) -> Callable[[], Any]:
        operation = ledger.Settle(
            organisation=self.tenant.id, key=str(uuid.uuid4()), fingerprint="", hold=next(self.calls), cost="5",
            ended_by="call", record=str(uuid.uuid4()), status="completed", service_tier="standard",
            leaves={"output": 5}, list_cost="5", estimated=False, flags=[],
        )  # fmt: skip
        return lambda: ledger.settle([operation])

    def release(self) -> Callable[[], Any]:
        operation = ledger.Release(self.tenant.id, str(uuid.uuid4()), "", next(self.calls), "call")
        return lambda: ledger.release([operation])

    def expire(self) -> Callable[[], Any]:
        return end_expired_holds

    def grant(self) -> Callable[[], Any]:
        return lambda: give(self.tenant, "7", "promotional")

    def claw_back(self) -> Callable[[], Any]:
        key = str(uuid.uuid4())
        return lambda: services.claw_back(lot=self.bought, cause="refund", amount=D(9), reason="x", key=key)

    def adjust(self) -> Callable[[], Any]:
        key = str(uuid.uuid4())

        def act() -> None:
            with suppress(NotAvailable):  # somebody else was first: an answer, not a fault
                services.adjust(organisation=self.tenant.organisation, amount=D(-6), reason="x", key=key)

        return act

    def set_budget(self) -> Callable[[], Any]:
        targets = [("organisation", "", "day"), ("agent", str(self.tenant.agent.pk), "total")]
        return lambda: [
            services.set_budget(organisation=self.tenant.organisation, scope=s, target=t, period=p, amount=D(50))
            for s, t, p in targets
        ]

    def close_lots(self) -> Callable[[], Any]:
        return services.close_due_lots


def know_the_terms() -> None:
    """The one set of terms that all calls are made on."""
    dollar_model()
    api = Api(make_tenant("first", credits="5"))
    api.release(hold(api, 1))


OPERATIONS = (
    "authorise", "progress", "settle", "release", "expire", "grant", "claw_back", "adjust", "set_budget", "close_lots",
)  # fmt: skip


def at_once(works: list[Callable[[], Any]]) -> list[BaseException]:
    """Do all of it at the same moment, each over a connection of its own; what was raised."""
    start, raised = threading.Barrier(len(works)), []

    def act(work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            work()
        except BaseException as error:  # whatever it is, the test must see it
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[work]) for work in works]
    [thread.start() for thread in threads]
    [thread.join(timeout=60) for thread in threads]
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return raised


@pytest.mark.parametrize("first", OPERATIONS)
def test_two_operations_at_once(transactional_db: None, settings: Any, first: str) -> None:
    settings.ABSORBED_LIMIT = D(10**6)
    know_the_terms()
    partners = OPERATIONS[OPERATIONS.index(first) :]
    races = {second: Race(f"race-{n}") for n, second in enumerate(partners)}
    database.advance_clock(25 * 60)
    for second, race in races.items():
        works = [getattr(race, name)() for name in itertools.islice(itertools.cycle([first, second]), 2 * EACH)]
        assert at_once(works) == [], f"{first} with {second}"
    end_expired_holds()
    services.close_due_lots()
    verified()


def test_the_last_cents_go_to_as_many_as_they_pay_for(transactional_db: None) -> None:
    """Sixteen want four dollars of ten at once, under a budget of nine: two get them."""
    know_the_terms()
    race = Race("last")
    services.adjust(organisation=race.tenant.organisation, amount=D(-40), reason="x", key="x")
    services.set_budget(
        organisation=race.tenant.organisation, scope="organisation", target="", period="day", amount=D(23)
    )
    results: list[str] = []

    def four() -> None:
        [result] = race.authorise(wanted=4, minimum=4)()
        results.append(result.outcome)

    assert at_once([four] * 16) == []
    assert sorted(results) == ["authorised"] * 2 + ["refused"] * 14
    assert one("SELECT held FROM wallets_budgetperiod ORDER BY id LIMIT 1") == (D(22),)
    verified()
