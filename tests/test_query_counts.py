"""How many statements a page sends to the database: bounded, and the same for two rows as for forty.

The pages are those of `benchmarks.addresses`, which are measured over a long history as well.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.usage.place import Place
from benchmarks.addresses import ADDRESSES, headers
from organisations.models import Agent, User
from organisations.services import add_member, create_agent, create_project
from providers.models import Model
from tests.api import Api
from tests.booked import Booked, book
from tests.factories import Tenant, give, make_model, make_tenant, make_user
from tests.metering.figures import one

# Statements at most, those that begin and end transactions and set their scope included.
MOST = {
    "live": 41, "live, stopped": 41, "overview": 30, "usage": 29, "usage by day": 29, "usage of a rare agent": 30,
    "usage of a model": 30, "usage, oldest 30 days": 29, "requests": 23, "requests of a rare agent": 24,
    "requests of a model": 24, "requests, deep": 23, "requests, deep, rare agent": 24, "receipt": 13,
    "admin: start": 16, "admin: usage": 10, "admin: usage, failed": 10, "admin: usage, page 100": 10,
    "admin: usage, never": 10, "admin: overruns": 9, "admin: receipt": 11, "admin: transfers": 9,
    "admin: transfers, small": 10, "admin: transfers, none": 10, "admin: transfers, page 100": 9, "admin: holds": 10,
    "admin: holds, open": 10, "admin: holds, released": 10, "admin: grants": 10, "admin: wallets": 9,
    "admin: wallet": 16, "admin: wallet, deep": 16, "API: balance": 11, "API: receipt": 10, "API: usage": 11,
    "API: usage, oldest 30 days": 11,
}  # fmt: skip
FEW, MANY = 2, 40
OLD = date(2026, 3, 1)


class Rows:
    """Rows of everything that a page lists, each of a day, project, agent, model and person of its own."""

    def __init__(self, tenant: Tenant, api: Api) -> None:
        self.tenant, self.api = tenant, api
        self.made = 0

    def add(self, count: int) -> None:
        for n in range(self.made, self.made + count):
            agent, model = self._agent(n), make_model({"input": "10", "output": "20"}, name=f"model-{n}")
            person = make_user(f"person{n}@ada.example", member_of=self.tenant.organisation, as_="viewer")
            give(self.tenant.organisation, "0.1")
            self._past(n, agent, model, person)
            self._present(model)
        self.made += count

    def _agent(self, n: int) -> Agent:
        project = create_project(organisation=self.tenant.organisation, name=f"Project {n}", slug=f"project-{n}")
        return create_agent(project=project, name=f"Agent {n}", slug=f"agent-{n}")

    def _past(self, n: int, agent: Agent, model: Model, person: User) -> None:
        """A request of its own on a day long ago, and one of the tenant's agent and first model."""
        at = datetime.combine(OLD + timedelta(days=n % 20), datetime.min.time(), UTC) + timedelta(hours=1 + n % 20)
        first = Model.objects.order_by("pk")[0]
        own = Booked(at, model, agent=agent, user=person.email, absorbed=Decimal(1))
        book(self.tenant, [own, Booked(at, first, status="failed")])

    def _present(self, model: Model) -> None:
        """Calls that were charged, released and refused, and one that runs."""
        settled = self.api.authorise(model=model.name, input_tokens=100, max_output_tokens=100).json()["id"]
        assert self.api.settle(settled, input=100, output=100).status_code == 200
        released = self.api.authorise(model=model.name, input_tokens=100, max_output_tokens=100).json()["id"]
        assert self.api.release(released).status_code == 200
        assert self.api.authorise(model=model.name, input_tokens=100, max_output_tokens=100).status_code == 201
        dear = {"input_tokens": 1_000_000, "min_output_tokens": 1_000_000, "max_output_tokens": 1_000_000}
        assert self.api.authorise(model=model.name, **dear).status_code == 402


@pytest.mark.slow
def test_statements_are_bounded_and_no_more_for_many_rows(
    transactional_db: None, client_for: Callable[[User | None], Client], settings: Any
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    tenant, people = make_tenant(credits="5"), _people()
    add_member(organisation=tenant.organisation, user=people["member"], role="owner")
    rows = Rows(tenant, Api(tenant))
    rows.add(FEW)
    words = _words(tenant, {who: client_for(user) for who, user in people.items()})
    _counted(words)  # the first look fills caches of content types
    few = _counted(words)
    rows.add(MANY - FEW)
    many = _counted(words)
    assert many == few
    assert set(MOST) == set(many)
    assert {name: count for name, count in many.items() if count > MOST[name]} == {}


def _people() -> dict[str, User]:
    make_tenant("empty-1")
    return {
        "member": make_user("owner@ada.example"),
        "stopped": make_user("owner@stopped.example", member_of=_stopped().organisation),
        "staff": make_user("finance@platform.example", "finance"),
    }


def _stopped() -> Tenant:
    """An organisation that has spent everything, and whose next call was refused."""
    tenant = make_tenant("stopped", credits="0.001")
    make_model({"input": "10", "output": "20"})
    api = Api(tenant)
    hold = api.authorise(max_output_tokens=10).json()["id"]
    assert api.settle(hold, output=10_000).json()["absorbed"] == "0.199000000"
    assert api.authorise(max_output_tokens=10).status_code == 402
    return tenant


def _words(tenant: Tenant, clients: dict[str, Client]) -> dict[str, Any]:
    """What the addresses have places for; every list has a row on the page that is asked for."""
    newest = "SELECT hold_id FROM metering_usagerecord WHERE run = '' ORDER BY posted_at DESC LIMIT 1"
    return {
        "slug": "ada", "id": tenant.id, "small": tenant.id, "agent": tenant.agent.slug, "model": "test/model-0",
        "first": OLD, "last_old": OLD + timedelta(days=29), "hold": one(newest)[0],
        "place": Place(OLD + timedelta(days=1), datetime(2026, 3, 2, 23, tzinfo=UTC), UUID(int=0)),
        "transfer": 1 + one("SELECT max(id) FROM wallets_transfer")[0], "key": tenant.secret,
        "sessions": {who: client.cookies["sessionid"].value for who, client in clients.items()},
    }  # fmt: skip


def _counted(words: dict[str, Any]) -> dict[str, int]:
    counts = {}
    for name, (who, path) in ADDRESSES.items():
        with CaptureQueriesContext(connection) as queries:
            answer = Client().get(path.format(**words), headers=headers(words, who))
        assert answer.status_code == 200, (name, answer.status_code)
        counts[name] = len(queries)
    return counts
