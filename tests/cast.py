"""Two organisations with a row in every table that belongs to a tenant, and plain connections of the app role."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg

from common.clock import billing_now
from common.tenancy import tenant as scope
from organisations.models import Approval, User
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant, make_user
from tests.metering.figures import rows_of
from wallets.approvals import ask_for_grant
from wallets.models import Charge, Grant, OverrunClearance
from wallets.services import adjust, claw_back, set_budget, undo_adjustment

TABLES = (
    "organisations_user", "organisations_organisation", "organisations_member", "organisations_project",
    "organisations_agent", "organisations_apikey", "organisations_approval", "plans_subscription", "wallets_wallet",
    "wallets_grant", "wallets_hold", "wallets_transfer", "wallets_idempotencyrecord", "wallets_budget",
    "wallets_budgetperiod", "wallets_clawback", "wallets_adjustment", "wallets_charge", "wallets_overrunclearance",
    "wallets_terms", "metering_call",
    "metering_usagerecord", "metering_overrunalert", "providers_rate", "plans_plan",
)  # fmt: skip


def model_for_all() -> Any:
    """$20 for a million tokens of output, input free of cost."""
    return make_model({"input": "0", "output": "20"})


def lived_in(slug: str) -> Tenant:
    """An organisation whose calls were settled, absorbed in part, and one of whose holds is open."""
    tenant = make_tenant(slug, credits="1")
    owner = make_user(f"owner@{slug}.example", member_of=tenant.organisation)
    api = Api(tenant)
    count_softly(tenant)
    hold = api.authorise(max_output_tokens=100).json()["id"]
    assert api.settle(hold, output=60_000).json()["absorbed"] == "0.200000000"
    give(tenant.organisation, "5", "promotional")
    assert api.authorise(max_output_tokens=100, key="open").status_code == 201
    ask_for_credits(tenant)
    take_and_correct(tenant, owner)
    return tenant


def count_softly(tenant: Tenant) -> None:
    """A budget that counts all calls and stops none."""
    set_budget(
        organisation=tenant.organisation, scope="organisation", target="", period="month", amount=Decimal(9), hard=False
    )


def take_and_correct(tenant: Tenant, by: User) -> None:
    """What no call leaves: a claw-back, an adjustment and its undoing, a charge, a cleared overrun."""
    with scope(tenant.id):
        bought = Grant.objects.get(kind="paid")
    claw_back(lot=bought, cause="refund", amount=Decimal(1), reason="Refunded", key="refund")
    first = adjust(organisation=tenant.organisation, amount=Decimal("0.5"), reason="Wrong price", key="adjusted")
    undo_adjustment(first, reason="It was right", key="undone")
    with scope(tenant.id):
        Charge.objects.create(
            id=uuid.uuid4(), organisation=tenant.organisation, cost=1, charged=0, posted_at=billing_now()
        )
        OverrunClearance.objects.create(
            organisation=tenant.organisation, suspended_at=billing_now(), absorbed=6, reason="Looked into",
            cleared_by=by, cleared_at=billing_now(),
        )  # fmt: skip


def finance(tenant: Tenant) -> dict[str, int]:
    """Rows that owners and finance change, by what the access matrix calls them."""
    organisation = tenant.organisation
    bought = give(organisation, "3")
    taken = claw_back(lot=bought, cause="dispute", amount=Decimal(1), reason="Disputed", key="dispute 1")
    adjusted = adjust(organisation=organisation, amount=Decimal(2), reason="Wrong rate", key="adjustment 1")
    budgets = {
        name: set_budget(
            organisation=organisation, scope=scope, target=str(target), period="day", amount=Decimal(40),
            alert_percent=80,
        ).pk
        for name, scope, target in (("budget", "agent", tenant.agent.pk), ("ending", "project", tenant.project.pk))
    }  # fmt: skip
    [(clearance,)] = rows_of("SELECT id FROM wallets_overrunclearance WHERE organisation_id = %s", tenant.id)
    return {**budgets, "bought": bought.pk, "claw_back": taken.pk, "adjustment": adjusted.pk, "clearance": clearance}


def suspend_for_overrun(tenant: Tenant, absorbed: str = "5.20") -> None:
    """As a call leaves a wallet that cost so much more than it held, above the limit of a day."""
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute(
            "UPDATE wallets_wallet SET absorbed_day = billing_now()::date, absorbed_today = %s,"
            " overrun_since = billing_now() WHERE organisation_id = %s",
            [absorbed, tenant.id],
        )


def ask_for_credits(tenant: Tenant, amount: str = "500", *, by: User | None = None, key: str = "") -> Approval:
    """An approval of paid credits, asked for by somebody of finance whom no test signs in."""
    asker = "asker@platform.example"
    by = by or User.objects.filter(email=asker).first() or make_user(asker, "finance")
    return ask_for_grant(
        organisation=tenant.organisation, kind="paid", amount=Decimal(amount), reason="Wire of 3 May", by=by,
        key=key or f"{tenant.organisation.slug} {amount}",
    )  # fmt: skip


@contextmanager
def app(*organisations: int, platform: str = "") -> Iterator[psycopg.Connection]:
    """A connection of the app role as any program could open one; undone at the end."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        ids = "{" + ",".join(map(str, organisations)) + "}" if organisations else ""
        connection.execute(
            "SELECT set_config('app.organisations', %s, false), set_config('app.platform', %s, false)", [ids, platform]
        )
        connection.commit()
        yield connection
        connection.rollback()


@contextmanager
def owner() -> Iterator[psycopg.Connection]:
    """The owner role inside a transaction that is undone; it, too, needs a scope, since row security is forced."""
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"]) as connection:
        connection.execute("SELECT set_config('app.platform', 'write', true)")
        yield connection
        connection.rollback()


def contents() -> dict[str, list[Any]]:
    """Every row of money and people, to compare before and after. `last_used_at` and `last_login` are left out."""
    rows = "SELECT '{0}', to_jsonb(t) - 'last_used_at' - 'last_login' FROM {0} t"
    found: dict[str, list[Any]] = {table: [] for table in TABLES}
    for table, row in rows_of(" UNION ALL ".join(rows.format(table) for table in TABLES)):
        found[table].append(row)
    return {table: sorted(rows, key=str) for table, rows in found.items()}


def row_of(table: str, organisation_id: int) -> str:
    """One row of an organisation as JSON, read as the owner."""
    column = "id" if table == "organisations_organisation" else "organisation_id"
    [row, *_] = rows_of(f"SELECT to_jsonb(t)::text FROM {table} t WHERE {column} = %s", organisation_id)
    return json.dumps(json.loads(row[0]))


def columns_of(table: str) -> str:
    """The columns that a row is written with: not those that PostgreSQL works out itself."""
    found = rows_of(
        "SELECT quote_ident(attname) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''", table
    )  # fmt: skip
    return ", ".join(name for (name,) in found)


def fresh() -> None:
    """An empty database, for modules that build their cast once."""
    database.empty()
