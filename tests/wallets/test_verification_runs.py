"""A run of the checks is kept: with its scope, its rows, its time, and also when it did not finish."""

from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.conf import settings
from django.core.management import call_command

from billing_portal.celery import app
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model
from wallets import verification
from wallets.invariants import invariants, parsed
from wallets.models import VerificationRun
from wallets.verification import TOO_LATE, verify

HOT, FULL = VerificationRun.Scope.HOT, VerificationRun.Scope.FULL
SLEEPS = "-- Sleeps.\n-- looks at: wallets_wallet\nSELECT pg_sleep(30)"
FAILS = "-- Fails.\n-- looks at: wallets_wallet\nSELECT 1 / (SELECT count(*) FROM wallets_hold WHERE false)"
MANY = "-- Many.\n-- looks at: wallets_wallet\n"
DIES = "-- Dies.\n-- looks at: wallets_wallet\nSELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def busy(tenant: Tenant, api: Api) -> None:
    make_model({"input": "10", "output": "20"})
    give(tenant.organisation, "3", "promotional")
    api.settle(api.authorise(input_tokens=100).json()["id"], input=90, output=9)


def break_the_wallet() -> None:
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE wallets_wallet SET held = held + 1")


def put_first(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    added = [parsed("added", sql), *invariants()]
    monkeypatch.setattr(verification, "invariants", lambda: added)


@pytest.mark.parametrize("options", [(), ("--hot",)])
def test_the_command_says_so_and_exits_with_one(
    busy: None, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    call_command("verify_ledger", *options)
    assert " 0 violations" in capsys.readouterr().out
    break_the_wallet()
    with pytest.raises(SystemExit) as end:
        call_command("verify_ledger", *options)
    assert end.value.code == 1
    told = capsys.readouterr().out
    assert "1 VIOLATIONS" in told
    assert "held_is_sum_of_open_holds" in told
    assert ("since" in told.splitlines()[-1]) == bool(options)


@pytest.mark.parametrize(
    ("entry", "scope"), [("verify what changed in the ledger", HOT), ("verify the whole ledger", FULL)]
)
def test_a_scheduled_run_is_kept_with_its_scope_and_rows(busy: None, entry: str, scope: VerificationRun.Scope) -> None:
    break_the_wallet()
    app.loader.import_default_modules()
    app.tasks[settings.CELERY_BEAT_SCHEDULE[entry]["task"]].run()
    run = VerificationRun.objects.get()
    asked = [one for one in invariants() if scope == FULL or not one.nightly]
    assert (run.scope, run.unfinished, run.checks) == (scope, 0, len(asked))
    assert run.violations == len(run.broken)
    assert [check["name"] for check in run.details] == [one.name for one in asked]
    assert (run.since is None) == (scope == FULL)
    found = {check["name"]: check["rows"] for check in run.broken}
    assert found["held_is_sum_of_open_holds"] == ["organisation_id 1, held 1.000000000, by_holds 0"]
    assert run.examined > 0


def test_the_timetable_has_both_of_them() -> None:
    schedule = settings.CELERY_BEAT_SCHEDULE
    assert timedelta(seconds=schedule["verify what changed in the ledger"]["schedule"]) == timedelta(minutes=5)
    night = schedule["verify the whole ledger"]["schedule"]
    assert isinstance(night, crontab)
    assert (len(night.hour), len(night.minute), len(night.day_of_week)) == (1, 1, 7)


def test_a_check_that_fails_is_kept_as_not_finished_and_the_others_are_asked(
    busy: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_first(monkeypatch, FAILS)
    run, checks = verify()
    assert (run.unfinished, run.violations, run.sound) == (1, 0, False)
    assert "division by zero" in checks[0].failure
    assert [check.failure for check in checks[1:]] == [""] * (len(checks) - 1)
    assert VerificationRun.objects.get().details[0]["failure"] == checks[0].failure
    with pytest.raises(SystemExit):
        call_command("verify_ledger")
    assert "NOT FINISHED" in capsys.readouterr().out


def test_a_run_that_takes_too_long_is_ended_and_kept(busy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_first(monkeypatch, SLEEPS)
    run, checks = verify(seconds=1)
    assert run.milliseconds < 10_000
    assert "timeout" in checks[0].failure
    assert {check.failure for check in checks[1:]} == {TOO_LATE}
    assert VerificationRun.objects.get().unfinished == len(checks)


def test_a_lost_connection_leaves_a_run_of_which_nothing_is_known(busy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_first(monkeypatch, DIES)
    run, checks = verify()
    assert VerificationRun.objects.get() == run
    assert run.unfinished == len(checks)
    assert all(check.failure for check in checks)


def test_of_many_rows_that_break_it_all_are_counted_and_the_first_kept(
    monkeypatch: pytest.MonkeyPatch, busy: None
) -> None:
    put_first(monkeypatch, f"{MANY} SELECT n, '100%%' AS share FROM generate_series(1, 5000) n")
    _, checks = verify()
    assert (checks[0].violations, len(checks[0].rows)) == (5000, verification.SHOWN)
    assert checks[0].rows[0] == "n 1, share 100%"


def test_an_invariant_says_what_it_promises_and_looks_at() -> None:
    for one in invariants():
        assert one.promise.endswith("."), one.name
        assert one.looks_at, one.name
    with pytest.raises(ValueError, match="does not say"):
        parsed("silent", "-- Nothing.\nSELECT 1")


def test_every_invariant_is_asked_by_some_run_and_most_by_both() -> None:
    names: list[Any] = [one.name for one in invariants()]
    assert len(names) == len(set(names)) >= 21
    assert len([one for one in invariants() if one.nightly]) <= 3
