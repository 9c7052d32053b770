"""Usage of any moment, written past the API as the owner role: a history that no test could live through.

The rows are such as settlements leave them, and their sums by day are made by the product's own function. The wallet
knows nothing of them but the date.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from organisations.models import Agent
from providers.models import Model
from tests import database
from tests.factories import Tenant

TERMS = """
INSERT INTO wallets_terms (digest, body) VALUES ('00000000-0000-0000-0000-000000000000', '{}') ON CONFLICT DO NOTHING
"""
HOLD = """
INSERT INTO wallets_hold (id, organisation_id, amount, accrued, state, ended_by, terms_id, subjects, budget_periods,
  authorised_at, expires_at, ended_at)
VALUES (%s, %s, %s, 0, 'settled', 'call', '00000000-0000-0000-0000-000000000000', '{}', '{}', %s, %s, %s)
ON CONFLICT DO NOTHING
"""
USAGE = """
INSERT INTO metering_usagerecord (id, organisation_id, hold_id, revision, project_id, agent_id, api_key_id, model_id,
  "user", run, status, service_tier, leaves, list_cost, cost, charge, absorbed, estimated, flags, occurred_at,
  posted_at, local_day)
SELECT %s, o.id, %s, %s, %s, %s, %s, %s, %s, '', %s, 'standard', %s, %s, %s, %s, %s, %s, %s, t.at, t.at,
  billing_day(t.at, o.billing_zone)
FROM organisations_organisation o, (SELECT %s::timestamptz) AS t (at) WHERE o.id = %s
"""
POSTED = "UPDATE wallets_wallet SET last_posted_at = greatest(last_posted_at, %s) WHERE organisation_id = %s"


@dataclass
class Booked:
    """One usage record to be. Amounts in the organisation's currency; `hold` and `revision` for corrections."""

    at: datetime
    model: Model
    charge: Decimal = Decimal(1)
    absorbed: Decimal = Decimal(0)
    list_cost: Decimal | None = None  # None: cost at a markup of 1
    leaves: Mapping[str, int] = field(default_factory=lambda: {"input": 100, "output": 10})
    agent: Agent | None = None  # None: the tenant's own
    user: str = ""
    status: str = "completed"
    estimated: bool = False
    flags: tuple[str, ...] = ()
    revision: int = 0
    hold: uuid.UUID = field(default_factory=uuid.uuid4)
    id: uuid.UUID = field(default_factory=uuid.uuid4)


def book(tenant: Tenant, records: Iterable[Booked]) -> None:
    """Write the records and their sums by day, in one commit."""
    booked = list(records)
    with database.owner() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.platform', 'write', true)")
        cursor.execute(TERMS)
        cursor.executemany(HOLD, [(b.hold, tenant.id, abs(b.charge), b.at, b.at, b.at) for b in booked])
        cursor.executemany(USAGE, [_values(tenant, b) for b in booked])
        cursor.execute("SELECT metering_sum_up(%s)", [[b.id for b in booked]])
        cursor.execute("SELECT wallets_lock(%s)", [[tenant.id]])
        cursor.execute(POSTED, [max(b.at for b in booked), tenant.id])


def _values(tenant: Tenant, b: Booked) -> tuple[Any, ...]:
    agent, cost = b.agent or tenant.agent, b.charge + b.absorbed
    return (
        b.id, b.hold, b.revision, agent.project_id, agent.pk, tenant.key.pk, b.model.pk, b.user, b.status,
        Jsonb(dict(b.leaves)), cost if b.list_cost is None else b.list_cost, cost, b.charge, b.absorbed, b.estimated,
        Jsonb(list(b.flags)), b.at, tenant.id,
    )  # fmt: skip
