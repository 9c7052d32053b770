"""Sums by local day: written with each settlement, and made anew from the facts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from threading import Event

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from common.clock import billing_now
from metering.rebuilding import rebuild_days
from metering.tasks import rebuild_daily_usage
from organisations.models import Organisation
from tests import database
from tests.api import Api
from tests.booked import Booked, book
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import rows_of

D = Decimal
SUMS = (
    'SELECT local_day, project_id, agent_id, model_id, "user", requests, estimated, input_tokens, cached_tokens,'
    " output_tokens, list_cost, cost, charge, absorbed FROM metering_dailyusage ORDER BY 1, 2, 3, 4, 5"
)
BY_RECORDS = (
    'SELECT local_day, project_id, agent_id, model_id, "user", count(*) FILTER (WHERE revision = 0),'
    " count(*) FILTER (WHERE revision = 0 AND estimated), sum(input_tokens), sum(cached_tokens), sum(output_tokens),"
    " sum(list_cost), sum(cost), sum(charge), sum(absorbed) FROM metering_usagerecord GROUP BY 1, 2, 3, 4, 5"
    " ORDER BY 1, 2, 3, 4, 5"
)


def settle(api: Api, tokens: int, user: str) -> None:
    answer = api.settle(api.authorise(input_tokens=tokens, user=user).json()["id"], input=tokens)
    assert answer.status_code == 200, answer.json()


def break_sums(day: date) -> None:
    """What a bad restore or a careless hand could do: a wrong sum, one that is missing, one of nothing."""
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE metering_dailyusage SET charge = charge + 1 WHERE local_day = %s", [day])
        connection.execute("DELETE FROM metering_dailyusage WHERE local_day > %s", [day])
        connection.execute(
            'INSERT INTO metering_dailyusage (organisation_id, local_day, project_id, agent_id, model_id, "user",'
            " requests, estimated, input_tokens, cached_tokens, output_tokens, list_cost, cost, charge, absorbed)"
            " SELECT organisation_id, local_day, project_id, agent_id, model_id, 'nobody', 1, 0, 1, 0, 0, 1, 1, 1, 0"
            " FROM metering_dailyusage LIMIT 1"
        )


@pytest.fixture
def history(tenant: Tenant) -> list[datetime]:
    """Usage of four days, on one of which a correction takes something back."""
    model = make_model({"input": "10", "output": "20"})
    moments = [datetime(2026, 3, day, hour, 30, tzinfo=UTC) for day in (28, 29, 30, 31) for hour in (1, 12, 23)]
    records = [Booked(at, model, user=f"u{at.hour}", estimated=at.hour == 12) for at in moments]
    late = records[0]
    records.append(Booked(moments[-1], model, charge=D("-0.4"), leaves={"input": -40}, revision=1, hold=late.hold))
    book(tenant, records)
    return moments


@pytest.mark.usefixtures("history")
def test_broken_sums_are_mended_by_the_command() -> None:
    right = rows_of(SUMS)
    assert right == rows_of(BY_RECORDS)
    assert D("-0.4") in {row[12] for row in right}
    break_sums(date(2026, 3, 29))
    assert rows_of(SUMS) != right
    out = StringIO()
    call_command("rebuild_usage", stdout=out)
    assert rows_of(SUMS) == right
    assert out.getvalue() == "ada: 4 days\n"


@pytest.mark.usefixtures("history")
def test_only_the_days_and_the_organisation_that_were_named_are_touched(tenant: Tenant) -> None:
    make_tenant("ben")
    right = rows_of(SUMS)
    break_sums(date(2026, 3, 29))
    call_command(
        "rebuild_usage", organisation="ada", first=date(2026, 3, 29), last=date(2026, 3, 30), stdout=StringIO()
    )
    assert [row for row in rows_of(SUMS) if row[0] in (date(2026, 3, 29), date(2026, 3, 30))] == [
        row for row in right if row[0] in (date(2026, 3, 29), date(2026, 3, 30))
    ]
    assert not [row for row in rows_of(SUMS) if row[0] == date(2026, 3, 31)]
    out = StringIO()
    call_command("rebuild_usage", organisation="ben", stdout=out)
    assert out.getvalue() == "ben: 0 days\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--organisation", "nobody"], "there is no organisation nobody"),
        (["--from", "2026-03-30", "--to", "2026-03-29"], "--from is after --to"),
        (["--from", "yesterday"], "yesterday is not a day"),
    ],
)
@pytest.mark.usefixtures("transactional_db")
def test_the_command_says_what_it_can_not_do(arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("rebuild_usage", *arguments)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.usefixtures("transactional_db")
def test_the_nightly_task_mends_yesterday_where_the_organisation_is(zone: str) -> None:
    tenant, model = make_tenant(billing_zone=zone), make_model({"input": "1", "output": "1"})
    now = billing_now()
    book(tenant, [Booked(now - timedelta(days=days), model) for days in range(5)])
    right = rows_of(SUMS)
    today = right[-1][0]
    break_sums(today - timedelta(days=3))
    rebuild_daily_usage()
    mended = {today - timedelta(days=1), today - timedelta(days=2)}
    assert [row for row in rows_of(SUMS) if row[0] in mended] == [row for row in right if row[0] in mended]
    assert today not in {row[0] for row in rows_of(SUMS)}  # today is settlements' own


def test_a_busy_organisation_holds_up_no_other(tenant: Tenant) -> None:
    model = make_model({"input": "1", "output": "1"})
    yesterday = billing_now() - timedelta(days=1)
    ben = make_tenant("ben")
    for of in (tenant, ben):
        book(of, [Booked(yesterday, model)])
    right = rows_of(SUMS)
    break_sums(yesterday.date())
    with database.owner() as busy, busy.transaction():
        busy.execute("SELECT set_config('app.platform', 'write', true)")
        busy.execute("SELECT FROM wallets_wallet WHERE organisation_id = %s FOR UPDATE", [tenant.id])
        rebuild_daily_usage()
    bens = ben.project.pk
    assert [row for row in rows_of(SUMS) if row[1] == bens] == [row for row in right if row[1] == bens]


def test_no_settlement_is_lost_while_sums_are_made_anew(tenant: Tenant, organisation: Organisation) -> None:
    model = make_model({"input": "10", "output": "20"})
    # Many sums take long to delete, and a call of a new user adds one that the deletion didn't see.
    book(tenant, [Booked(billing_now(), model, user=f"before {n}") for n in range(1000)])
    today, over = billing_now().date(), Event()

    def agent(number: int) -> None:
        try:
            for round_ in range(8):
                settle(Api(tenant), 100, user=f"agent {number}, call {round_}")
        finally:
            connections.close_all()

    def rebuilding() -> int:
        try:
            rounds = 0
            while not over.is_set():
                rebuild_days(organisation.pk, today, today)
                rounds += 1
            return rounds
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        rebuilt = [pool.submit(rebuilding) for _ in range(2)]
        for done in [pool.submit(agent, number) for number in range(4)]:
            done.result()
        over.set()
        assert sum(found.result() for found in rebuilt) > 5
    assert rows_of(SUMS) == rows_of(BY_RECORDS)
    assert sum(row[5] for row in rows_of(SUMS)) == 1032
