"""The first page says whether the books agree: quietly while they do, louder than anything else when they don't."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from common.clock import billing_now
from common.tenancy import platform
from tests import database
from tests.factories import Tenant
from wallets.models import VerificationRun
from wallets.verification import verify

HOT, FULL = VerificationRun.Scope.HOT, VerificationRun.Scope.FULL
CHECK = {
    "name": "kept",
    "promise": "It is kept.",
    "violations": 0,
    "rows": [],
    "milliseconds": 7,
    "examined": 11,
    "failure": "",
}
VIOLATED = {**CHECK, "name": "lost", "promise": "Nothing is lost.", "violations": 3, "rows": ["row 7", "row 8"]}
UNFINISHED = {**CHECK, "name": "slow", "promise": "It is quick.", "failure": "QueryCanceled: statement timeout"}


def ran(scope: str, *checks: dict[str, Any], at: datetime | None = None) -> VerificationRun:
    with platform("write"):
        return VerificationRun.objects.create(
            scope=scope, started_at=at or billing_now(), milliseconds=412, checks=len(checks), details=list(checks),
            violations=sum(check["violations"] for check in checks), examined=1234,
            unfinished=sum(bool(check["failure"]) for check in checks),
        )  # fmt: skip


@pytest.fixture
def client(lived: Tenant, staff: SimpleNamespace, client_for: Any) -> Client:
    return client_for(staff.finance)


def first_page(client: Client) -> str:
    return " ".join(client.get("/admin/").content.decode().replace("&#x27;", "'").split())


def banners(text: str) -> int:
    return text.count('class="banner"')


def test_while_all_is_well_each_scope_has_one_quiet_line(client: Client) -> None:
    for scope in (HOT, FULL):
        run, _ = verify(scope)
        text = first_page(client)
        rows = f"on {run.examined:,} row"
        assert f"All {run.checks} invariants held at" in text
        assert rows in text
        assert f"/admin/wallets/verificationrun/{run.pk}/change/" in text
    assert banners(text) == 0
    assert 'class="notice"' not in text


@pytest.mark.parametrize("scope", [HOT, FULL])
def test_a_violation_is_a_banner_with_the_run_behind_it_and_the_title_of_the_page(client: Client, scope: str) -> None:
    run = ran(scope, CHECK, VIOLATED)
    text = first_page(client)
    assert banners(text) == 1
    assert "1 of 2 invariants is violated by 3 rows" in text
    assert "<h1>The books don't agree.</h1>" in text
    assert "held at" not in text
    page = client.get(f"/admin/wallets/verificationrun/{run.pk}/change/").content.decode()
    assert page.index("Nothing is lost.") < page.index("It is kept.")
    assert "row 7" in page
    assert "and 3 in all; these are the first 2" in page


def test_a_clean_run_of_the_one_scope_does_not_hide_what_the_other_found(client: Client) -> None:
    ran(FULL, CHECK, VIOLATED)
    ran(HOT, CHECK)
    assert banners(first_page(client)) == 1
    ran(FULL, CHECK)
    assert banners(first_page(client)) == 0


def test_a_violation_stays_until_a_run_has_finished_without_it(client: Client) -> None:
    ran(HOT, CHECK, VIOLATED)
    ran(HOT, CHECK, UNFINISHED)
    text = first_page(client)
    assert "The books don't agree." in text
    ran(HOT, CHECK, CHECK)
    assert banners(first_page(client)) == 0


def test_a_check_that_did_not_finish_is_a_banner_too(client: Client) -> None:
    ran(HOT, CHECK)
    run = ran(HOT, CHECK, UNFINISHED)
    text = first_page(client)
    assert banners(text) == 1
    assert "Of 2 invariants 1 is not known to hold" in text
    page = client.get(f"/admin/wallets/verificationrun/{run.pk}/change/").content.decode()
    assert "QueryCanceled: statement timeout" in page
    assert "Did not finish" in client.get("/admin/wallets/verificationrun/").content.decode()


@pytest.mark.parametrize(("scope", "limit"), [(HOT, timedelta(minutes=15)), (FULL, timedelta(hours=26))])
def test_no_finished_run_for_too_long_is_a_warning(client: Client, scope: str, limit: timedelta) -> None:
    late, other = "No check of the books has finished since", FULL if scope == HOT else HOT
    ran(scope, CHECK, at=billing_now() - limit + timedelta(seconds=30))
    ran(scope, UNFINISHED)
    ran(other, CHECK)
    assert late not in first_page(client)
    database.advance_clock(31)
    text = first_page(client)
    assert text.count(late) == 1
    assert ("15 minutes" if scope == HOT else "26 hours") in text


def test_checks_that_never_ran_are_told_and_the_first_night_is_waited_for(client: Client) -> None:
    assert first_page(client).count("The books were not checked yet") == 1
    ran(HOT, CHECK)
    assert "The books were not checked yet" not in first_page(client)
    database.advance_clock(27 * 3600)
    ran(HOT, CHECK)
    assert first_page(client).count("The books were not checked yet") == 1


def test_the_list_names_scope_result_rows_and_time_and_runs_of_earlier_versions_open(client: Client) -> None:
    older = {name: value for name, value in CHECK.items() if name not in ("examined", "failure")}
    with platform("write"):
        run = VerificationRun.objects.create(
            started_at=billing_now(), milliseconds=1, checks=1, violations=0, details=[older]
        )
    assert "It is kept." in client.get(f"/admin/wallets/verificationrun/{run.pk}/change/").content.decode()
    ran(HOT, CHECK)
    text = client.get("/admin/wallets/verificationrun/?scope__exact=hot").content.decode()
    assert "Changed lately" in text
    assert "0.4 s" in text
    assert "1234" in text
    assert text.count("Held") == 1
