"""`verify_ledger` finds what is wrong: each invariant is broken on purpose, by the owner, and named."""

import pytest
from django.core.management import call_command

from common.tenancy import platform
from organisations.models import Organisation
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model
from wallets.models import VerificationRun
from wallets.tasks import verify_ledger
from wallets.verification import verify

# What a fault would have to do to get past the constraints, and which invariants see it.
BREAKS = {
    "balance": ("UPDATE wallets_wallet SET balance = balance + 1", {"balance_is_sum_of_transfers", "balance_is_sum_of_grants"}),
    "held": ("UPDATE wallets_wallet SET held = held + 1", {"held_is_sum_of_open_holds"}),
    "lot": ("UPDATE wallets_grant SET remaining = remaining - 1", {"balance_is_sum_of_grants", "grant_remaining_is_by_transfers"}),
    "amount": (
        "UPDATE wallets_transfer SET amount = amount + 1 WHERE kind = 'usage'",
        {"balance_is_sum_of_transfers", "grant_remaining_is_by_transfers", "running_balance_is_unbroken", "usage_is_what_was_posted"},
    ),
    "running balance": ("UPDATE wallets_transfer SET balance_after = 1 WHERE kind = 'usage'", {"running_balance_is_unbroken"}),
    "date": (
        "UPDATE wallets_transfer SET posted_at = posted_at - interval '1 year' WHERE kind = 'usage'",
        {"running_balance_is_unbroken", "usage_day_is_local"},
    ),
    "lost row": (
        "DELETE FROM wallets_transfer WHERE kind = 'usage'",
        {"balance_is_sum_of_transfers", "grant_remaining_is_by_transfers", "usage_is_what_was_posted"},
    ),
    "lost usage": ("DELETE FROM metering_usagerecord", {"settled_once", "usage_is_what_was_posted", "daily_usage_is_sum_of_usage"}),
    "reopened": (
        "UPDATE wallets_hold SET state = 'open', ended_by = '', ended_at = NULL WHERE state = 'settled'",
        {"held_is_sum_of_open_holds", "only_settled_holds_are_charged", "settled_once"},
    ),
    "stuck": (
        "UPDATE wallets_hold SET expires_at = now() - interval '6 minutes' WHERE state = 'open'", {"no_hold_is_stuck"},
    ),
    "cost": (
        "UPDATE metering_usagerecord SET cost = cost + 1, charge = charge + 1",
        {"usage_is_what_was_posted", "cost_follows_from_terms", "daily_usage_is_sum_of_usage"},
    ),
    "day": ("UPDATE metering_usagerecord SET local_day = local_day - 1", {"usage_day_is_local", "daily_usage_is_sum_of_usage"}),
    "sum": ("UPDATE metering_dailyusage SET output_tokens = output_tokens + 1", {"daily_usage_is_sum_of_usage"}),
    "no call": ("DELETE FROM metering_call c USING wallets_hold h WHERE h.id = c.hold_id AND h.state = 'open'", {"every_hold_has_its_call"}),
    "alert": (
        "INSERT INTO metering_overrunalert (organisation_id, usage_id, absorbed, raised_at)"
        " SELECT organisation_id, id, 1, now() FROM metering_usagerecord", {"overrun_is_alerted"},
    ),
    "no wallet": ("DELETE FROM wallets_wallet", {"every_owner_has_a_wallet"}),
    "foreign grant": (
        "WITH o AS (INSERT INTO organisations_organisation (name, slug, email, billing_zone, currency, sandbox, suspended_reason, created_at)"
        " VALUES ('B', 'b', 'b@b.example', 'UTC', 'USD', false, '', now()) RETURNING id)"
        " UPDATE wallets_idempotencyrecord SET organisation_id = o.id FROM o WHERE hold_id IS NOT NULL",
        {"ledger_stays_with_its_tenant"},
    ),
    "foreign model": (
        "WITH m AS (INSERT INTO providers_model (provider_id, name, access_class, context_tokens, max_output_tokens)"
        " SELECT id, 'other', 'standard', 1, 1 FROM providers_provider RETURNING id)"
        " UPDATE metering_usagerecord SET model_id = m.id FROM m",
        {"usage_stays_with_its_tenant", "daily_usage_is_sum_of_usage"},
    ),
    "staff": (
        "UPDATE organisations_user SET platform_role = 'finance'", {"staff_are_never_members"},
    ),
}  # fmt: skip


@pytest.fixture
def busy(tenant: Tenant, api: Api, owner: object) -> None:
    """A wallet with two lots, a settled call and an open one."""
    make_model({"input": "10", "output": "20"})
    give(tenant.organisation, "3", "promotional")
    api.settle(api.authorise(input_tokens=100).json()["id"], input=90, output=9)
    api.authorise(input_tokens=100)


def broken() -> set[str]:
    return {check.name for check in verify()[1] if check.violations}


def test_a_sound_ledger_has_no_violation(busy: None) -> None:
    assert broken() == set()


def test_days_stay_as_they_were_cut_when_the_billing_zone_changes(busy: None, tenant: Tenant) -> None:
    with platform("write"):
        Organisation.objects.update(billing_zone="Pacific/Kiritimati")
        Organisation.objects.update(billing_zone="Pacific/Honolulu")
    assert broken() == set()


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_invariant_is_found_and_named(busy: None, name: str) -> None:
    statement, expected = BREAKS[name]
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        assert connection.execute(statement).rowcount > 0
    assert broken() == expected


def test_the_command_says_so_and_exits_with_one(busy: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_ledger")
    assert " 0 violations" in capsys.readouterr().out
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE wallets_wallet SET balance = balance + 1")
    with pytest.raises(SystemExit) as end:
        call_command("verify_ledger")
    assert end.value.code == 1
    assert "balance_is_sum_of_grants" in capsys.readouterr().out


def test_the_scheduled_run_is_kept_with_its_rows(busy: None) -> None:
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        connection.execute("UPDATE wallets_wallet SET held = held + 1")
    verify_ledger()
    run = VerificationRun.objects.latest()
    assert (run.violations, run.checks) == (1, len(run.details))
    [found] = [check for check in run.details if check["violations"]]
    assert found["name"] == "held_is_sum_of_open_holds"
    assert found["rows"]
