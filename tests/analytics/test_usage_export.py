"""The file holds exactly the filtered requests of one moment, in bounded memory, and nothing in it runs."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient, Client

from analytics.usage import export as module
from analytics.usage.export import lines, plan
from common.tenancy import tenant as inside
from metering.filters import Filters, select
from metering.periods import Period
from organisations.models import User
from organisations.services import create_agent
from tests.analytics.usage_pages import by_sql, reader
from tests.booked import Booked, book
from tests.factories import Tenant, make_model, make_tenant, make_user
from tests.metering.figures import one, rows_of

D = Decimal
SPAN = "from=2026-03-01&to=2026-03-31"
EVIL = ("=1+1", "+1", "-1", "@SUM(A1)", "fine", "", 'quoted "and", more', "ä€漢")
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.fixture
def march(transactional_db: None) -> Tenant:
    tenant = make_tenant("ada", billing_zone="Asia/Kathmandu")
    random, model = Random(9), make_model({"input": "1"})
    sophi = create_agent(project=tenant.project, name="Sophi", slug="sophi")
    records = [
        Booked(
            datetime(2026, 2, 27, tzinfo=UTC) + timedelta(hours=random.randrange(34 * 24)), model,
            charge=D(random.randrange(10**10)) / 10**9, user=random.choice(EVIL), agent=random.choice([None, sophi]),
            leaves={"input": 7, "cache_read": 5, "output": 3, "web_search": 1}, flags=("=odd", "two"),
        )
        for _ in range(120)
    ]  # fmt: skip
    late = next(r for r in records if datetime(2026, 3, 5, tzinfo=UTC) < r.at < datetime(2026, 3, 20, tzinfo=UTC))
    records.append(Booked(late.at + timedelta(hours=2), model, charge=D("-0.000000001"), revision=1, hold=late.hold,
                          agent=late.agent, leaves={"input": -7}, estimated=True))  # fmt: skip
    book(tenant, records)
    return tenant


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize(("query", "where"), [("", "true"), ("&agent=sophi", "a.slug = 'sophi'")])
def test_the_file_is_the_filtered_records(
    march: Tenant, client_for: Callable[[User | None], Client], query: str, where: str
) -> None:
    answer = reader(march, client_for).get(f"/o/ada/usage.csv?{SPAN}{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    named = 'attachment; filename="usage-ada-2026-03-01-to-2026-03-31.csv"'
    assert answer.headers["Content-Disposition"] == named
    found = rows(b"".join(answer))
    expected = rows_of(
        "SELECT to_char(posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
        " (posted_at AT TIME ZONE 'Asia/Kathmandu')::date::text, hold_id::text, revision::text, charge::text,"
        " cost::text, CASE WHEN estimated THEN 'yes' ELSE 'no' END FROM metering_usagerecord u"
        " JOIN organisations_agent a ON a.id = u.agent_id WHERE (posted_at AT TIME ZONE 'Asia/Kathmandu')::date"
        f" BETWEEN '2026-03-01' AND '2026-03-31' AND {where} ORDER BY local_day, posted_at, u.id"
    )
    names = ("time_utc", "local_day", "receipt", "revision", "charge", "cost", "estimated")
    assert [tuple(row[name] for name in names) for row in found] == expected
    sums = by_sql("agent", march, "2026-03-01", "2026-03-31", where)
    assert sum(D(row["charge"]) for row in found) == sum(figures[-1] for figures in sums.values())
    assert sum(int(row["input_tokens"]) for row in found) == sum(figures[2] for figures in sums.values())
    assert {(row["cache_read"], row["web_search"], row["reasoning"]) for row in found if row["revision"] == "0"} == {
        ("5", "1", "0")
    }


def test_labels_never_run_and_figures_stay_figures(march: Tenant, client_for: Callable[[User | None], Client]) -> None:
    found = rows(b"".join(reader(march, client_for).get(f"/o/ada/usage.csv?{SPAN}")))
    assert {row["member"] for row in found} == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", *EVIL[4:]}
    assert {row["flags"] for row in found} == {"'=odd two", ""}
    [correction] = [row for row in found if row["revision"] == "1"]
    assert correction["charge"] == "-0.000000001"
    assert correction["input"] == "-7"


@pytest.mark.parametrize(("query", "told"), [
    ("from=2026-03-31&to=2026-03-01", "The first day is after the last one."), ("range=forever", "no range 'forever'"),
])  # fmt: skip
def test_a_wrong_period_is_refused(
    march: Tenant, client_for: Callable[[User | None], Client], query: str, told: str
) -> None:
    answer = reader(march, client_for).get(f"/o/ada/usage.csv?{query}")
    assert answer.status_code == 422
    assert told in answer.content.decode()


@pytest.mark.usefixtures("transactional_db")
def test_an_organisation_that_never_had_a_wallet_gets_headings(client_for: Callable[[User | None], Client]) -> None:
    content = b"".join(reader(make_tenant("new"), client_for).get("/o/new/usage.csv"))
    assert content.startswith(b"time_utc,local_day,receipt,")
    assert content.count(b"\n") == 1


async def all_of(parts: AsyncIterator[bytes], between: Callable[[int], None]) -> list[bytes]:
    found: list[bytes] = []
    async for part in parts:
        found.append(part)
        await sync_to_async(between)(len(found))
    return found


def test_the_file_is_of_the_moment_it_was_begun_and_holds_no_connection(
    march: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 7)
    period = Period(datetime(2026, 3, 1).date(), datetime(2026, 3, 31).date())
    before = one("SELECT count(*) FROM metering_usagerecord WHERE local_day BETWEEN '2026-03-01' AND '2026-03-31'")[0]
    newest = one("SELECT max(posted_at) FROM metering_usagerecord")[0]
    with inside(march.id, snapshot=True):
        export = plan(march.organisation, period, select(march.id, Filters()))
    model, held = make_model({"input": "1"}, name="late"), []

    def between(part: int) -> None:
        held.append(connection.connection)
        if part == 3:  # settled while the file is read; dated after what there was, on a day that is still to come
            book(march, [Booked(newest + timedelta(seconds=1), model)])

    parts = asyncio.run(all_of(lines(export), between))
    assert len(rows(b"".join(parts))) == before
    assert max(part.count(b"\n") for part in parts) <= 7
    assert len(parts) > before / 7
    assert set(held[1:]) == {None}


def test_the_file_comes_in_pieces_from_a_running_server(
    server: str, march: Tenant, client_for: Callable[[User | None], Client]
) -> None:
    session = client_for(make_user("streamer@ada.example", member_of=march.organisation)).cookies["sessionid"].value
    address = f"{server}/o/ada/usage.csv?{SPAN}"
    with httpx.stream("GET", address, cookies={"sessionid": session}, timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert len(rows(answer.read())) > 90
    head = httpx.head(address, cookies={"sessionid": session})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Disposition"].startswith("attachment")


def test_under_asgi_nothing_is_gathered_before_it_is_sent(march: Tenant, recwarn: pytest.WarningsRecorder) -> None:
    async def asked() -> int:
        client = AsyncClient()
        user = await sync_to_async(make_user)("async@ada.example", member_of=march.organisation)
        await client.aforce_login(user)
        answer = await client.get(f"/o/ada/usage.csv?{SPAN}")
        return len([part async for part in answer.streaming_content])  # type: ignore[union-attr]

    assert asyncio.run(asked()) > 20  # at least one for each day
    assert not [w for w in recwarn if "must consume" in str(w.message)]
