"""`verify_ledger` finds what is wrong: each invariant is broken on purpose, by the owner, and named.

What is broken now is found by the run over what changed lately as by the run over everything; what was broken long ago
by the latter.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from common.clock import billing_now
from common.tenancy import platform
from common.tenancy import tenant as scope_of
from organisations.models import Organisation
from tests import database
from tests.api import Api
from tests.factories import Tenant, give, make_model
from wallets.invariants import invariants
from wallets.models import Grant, VerificationRun
from wallets.services import (
    adjust,
    claw_back,
    close_due_lots,
    give_back,
    grant_credits,
    set_budget,
    undo_adjustment,
)
from wallets.verification import verify

HOT, FULL = VerificationRun.Scope.HOT, VerificationRun.Scope.FULL
DAY = 24 * 3600

# What a fault would have to do to get past the constraints, and which invariants see it.
BREAKS = {
    "balance": ("UPDATE wallets_wallet SET balance = balance + 1", {"balance_is_sum_of_transfers", "balance_is_sum_of_grants"}),
    "held": ("UPDATE wallets_wallet SET held = held + 1", {"held_is_sum_of_open_holds", "holds_are_covered_by_lots"}),
    "lot": ("UPDATE wallets_grant SET remaining = remaining - 1", {"balance_is_sum_of_grants", "grant_remaining_is_by_transfers"}),
    "amount": (
        "UPDATE wallets_transfer SET amount = amount + 1 WHERE kind = 'usage'",
        {"balance_is_sum_of_transfers", "grant_remaining_is_by_transfers", "running_balance_is_unbroken", "usage_is_what_was_posted"},
    ),
    "running balance": ("UPDATE wallets_transfer SET balance_after = 1 WHERE kind = 'usage'", {"running_balance_is_unbroken"}),
    "date": (
        "UPDATE wallets_transfer SET posted_at = posted_at - interval '1 year' WHERE kind = 'usage'",
        {"running_balance_is_unbroken", "usage_is_what_was_posted"},
    ),
    "lost row": (
        "DELETE FROM wallets_transfer WHERE kind = 'usage'",
        {"balance_is_sum_of_transfers", "grant_remaining_is_by_transfers", "usage_is_what_was_posted"},
    ),
    "lost usage": ("DELETE FROM metering_usagerecord", {"settled_once", "usage_is_what_was_posted", "daily_usage_is_sum_of_usage"}),
    "reopened": (
        "UPDATE wallets_hold SET state = 'open', ended_by = '', ended_at = NULL WHERE state = 'settled'",
        {"held_is_sum_of_open_holds", "holds_are_covered_by_lots", "only_settled_holds_are_charged", "settled_once"},
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
        {"remembered_keys_stay_with_their_tenant"},
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
    "uncovered": ("UPDATE wallets_grant SET expires_at = granted_at + interval '1 microsecond'", {
        "holds_are_covered_by_lots", "lots_are_looked_at_when_due",
    }),
}  # fmt: skip

# The same where money was taken back, given back, adjusted and counted by budgets.
RARER_BREAKS = {
    "owed": ("UPDATE wallets_grant SET owed = owed + 1 WHERE owed > 0", {"lots_owe_what_is_receivable"}),
    "not barred": ("UPDATE wallets_grant SET owed = 1, barred_at = now() WHERE kind = 'promotional'", {"lots_owe_what_is_receivable"}),
    "taken twice": ("UPDATE wallets_clawback SET amount = amount + 1 WHERE given_back_at IS NULL", {"claw_backs_take_a_lot_once"}),
    "given back by word alone": (
        "UPDATE wallets_clawback SET given_back_at = now() WHERE given_back_at IS NULL", {"claw_backs_take_a_lot_once"},
    ),
    "claw-back lost its transfer": (
        "UPDATE wallets_transfer SET claw_back_id = (SELECT id FROM wallets_clawback WHERE given_back_at IS NOT NULL)"
        " WHERE kind = 'claw_back' AND debit = 'receivable'",
        {"claw_backs_take_a_lot_once", "lots_owe_what_is_receivable"},
    ),
    "wrong way round": (
        "UPDATE wallets_transfer SET debit = 'refunds' WHERE kind = 'correction' AND debit = 'disputes'", {"corrections_are_opposites"},
    ),
    "corrected twice": (
        "INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, claw_back_id, grant_id, corrects_id, posted_at)"
        " SELECT organisation_id, kind, debit, credit, amount, balance_after, claw_back_id, grant_id, corrects_id, posted_at"
        " FROM wallets_transfer WHERE kind = 'correction' AND debit = 'disputes'",
        {
            "corrections_are_opposites", "claw_backs_take_a_lot_once", "balance_is_sum_of_transfers",
            "grant_remaining_is_by_transfers", "running_balance_is_unbroken",
        },
    ),
    "adjusted": ("UPDATE wallets_adjustment SET amount = amount + 1 WHERE undoes_id IS NULL", {"adjustments_are_what_was_posted"}),
    "undone in part": (
        "WITH a AS (UPDATE wallets_adjustment SET amount = 1 WHERE undoes_id IS NOT NULL RETURNING id)"
        " UPDATE wallets_transfer t SET amount = 1 FROM a WHERE t.adjustment_id = a.id",
        {"adjustments_are_what_was_posted", "balance_is_sum_of_transfers", "grant_remaining_is_by_transfers", "running_balance_is_unbroken"},
    ),
    "budget holds": ("UPDATE wallets_budgetperiod SET held = held + 1", {"budget_holds_are_open_holds"}),
    "hold left its budget": ("UPDATE wallets_hold SET budget_periods = '{}' WHERE state = 'open'", {"budget_holds_are_open_holds"}),
    "budget used": ("UPDATE wallets_budgetperiod SET used = used + 1", {"budget_use_is_what_calls_were_charged"}),
    "budget counts what was before": (
        "UPDATE wallets_budget SET made_at = now() - interval '1 day'", {"budget_use_is_what_calls_were_charged"},
    ),
    "foreign claw-back": (
        "WITH o AS (INSERT INTO organisations_organisation (name, slug, email, billing_zone, currency, sandbox, suspended_reason, created_at)"
        " VALUES ('B', 'b', 'b@b.example', 'UTC', 'USD', false, '', now()) RETURNING id)"
        " UPDATE wallets_clawback SET organisation_id = o.id FROM o", {"ledger_stays_with_its_tenant"},
    ),
}  # fmt: skip


@pytest.fixture
def busy(tenant: Tenant, api: Api, owner: object) -> None:
    """A wallet with two lots, a settled call and an open one."""
    make_model({"input": "10", "output": "20"})
    give(tenant.organisation, "3", "promotional")
    api.settle(api.authorise(input_tokens=100).json()["id"], input=90, output=9)
    api.authorise(input_tokens=100)


def broken(scope: VerificationRun.Scope = FULL) -> set[str]:
    run, checks = verify(scope)
    assert run.unfinished == 0, [check.failure for check in checks]
    return {check.name for check in checks if check.violations}


def break_it(statement: str) -> None:
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        assert connection.execute(statement).rowcount > 0


@pytest.mark.parametrize("scope", [HOT, FULL])
def test_a_sound_ledger_has_no_violation(busy: None, scope: VerificationRun.Scope) -> None:
    assert broken(scope) == set()


@pytest.fixture
def eventful(busy: None, tenant: Tenant, api: Api) -> None:
    """The same with a budget made mid-way, a lot owed back, one given back, and an adjustment undone."""
    with scope_of(tenant.id):
        lot = Grant.objects.get(kind="paid")
    set_budget(organisation=tenant.organisation, scope="organisation", target="", period="total", amount=Decimal(500))
    api.settle(api.authorise(input_tokens=100).json()["id"], input=90, output=9)
    api.authorise(input_tokens=100)
    more = give(tenant.organisation, "2")
    won = claw_back(lot=more, cause="dispute", amount=Decimal(2), reason="x", key="won")
    give_back(won)
    adjust(organisation=tenant.organisation, amount=Decimal(-2), reason="x", key="taken")
    undone = adjust(organisation=tenant.organisation, amount=Decimal(4), reason="x", key="given")
    undo_adjustment(undone, reason="x", key="undo")
    spend_all(api)
    claw_back(lot=lot, cause="refund", amount=Decimal(100), reason="x", key="refund")


def spend_all(api: Api) -> None:
    """What is available, to the last cent but what a token costs."""
    hold = api.authorise(input_tokens=0, max_output_tokens=1_000_000, min_output_tokens=1).json()
    api.settle(hold["id"], output=hold["max_output_tokens"])


@pytest.mark.parametrize("name", RARER_BREAKS)
def test_a_broken_invariant_of_rarer_postings_is_found_and_named(eventful: None, name: str) -> None:
    assert broken(FULL) == broken(HOT) == set()
    statement, expected = RARER_BREAKS[name]
    break_it(statement)
    nightly = {one.name for one in invariants() if one.nightly}
    assert broken(HOT) >= expected - nightly
    assert broken(FULL) == expected


def test_what_expired_leaves_its_wallet_within_minutes(busy: None, tenant: Tenant) -> None:
    grant_credits(
        organisation=tenant.organisation, kind="promotional", amount=Decimal(1), reason="x", key="soon",
        expires_at=billing_now() + timedelta(minutes=1), priority=1,
    )  # fmt: skip
    for minutes, expected in ((2, set()), (5, {"expired_lots_only_cover_running_calls"})):
        database.advance_clock(minutes * 60)
        assert broken(HOT) == broken(FULL) == expected
    close_due_lots()
    assert broken(HOT) == broken(FULL) == set()


@pytest.mark.parametrize("scope", [HOT, FULL])
def test_days_stay_as_they_were_cut_when_the_billing_zone_changes(
    busy: None, tenant: Tenant, scope: VerificationRun.Scope
) -> None:
    with platform("write"):
        Organisation.objects.update(billing_zone="Pacific/Kiritimati")
        Organisation.objects.update(billing_zone="Pacific/Honolulu")
    assert broken(scope) == set()


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_invariant_is_found_and_named(busy: None, name: str) -> None:
    statement, expected = BREAKS[name]
    break_it(statement)
    nightly = {one.name for one in invariants() if one.nightly}
    # Less is looked at, and in another way: a fault may show in more checks than over the whole history.
    assert broken(HOT) >= expected - nightly
    assert broken(FULL) == expected


def test_what_was_broken_long_ago_is_found_by_the_run_over_everything(busy: None, tenant: Tenant) -> None:
    database.advance_clock(3 * DAY)
    end_what_runs()
    give(tenant.organisation, "1")
    assert broken(HOT) == set()
    break_it("UPDATE wallets_transfer SET balance_after = 1 WHERE id = (SELECT min(id) FROM wallets_transfer)")
    break_it(BREAKS["cost"][0])
    assert broken(HOT) == set()
    assert broken(FULL) == BREAKS["running balance"][1] | BREAKS["cost"][1]


def test_a_wallet_that_rests_is_looked_at_by_every_run(busy: None) -> None:
    database.advance_clock(3 * DAY)
    end_what_runs()
    database.advance_clock(3 * DAY)
    assert broken(HOT) == set()
    break_it(BREAKS["balance"][0])
    assert broken(HOT) == BREAKS["balance"][1]


def test_a_run_looks_back_to_the_last_clean_one_so_that_a_violation_stays_in_sight(busy: None) -> None:
    clean, _ = verify(HOT)
    break_it(BREAKS["cost"][0])
    for _ in range(3):
        run, checks = verify(HOT)
        assert {check.name for check in checks if check.violations} == BREAKS["cost"][1]
        assert run.since is not None
        assert (clean.started_at - run.since).total_seconds() == 3600
        database.advance_clock(6 * 3600)
        end_what_runs()


def end_what_runs() -> None:
    from metering.expiry import end_expired_holds

    end_expired_holds()


def test_a_run_tells_how_many_rows_it_looked_at(busy: None) -> None:
    _, checks = verify()
    looked = {check.name: check.examined for check in checks}
    assert looked["held_is_sum_of_open_holds"] == 1
    assert looked["running_balance_is_unbroken"] == 3
    assert looked["every_hold_has_its_call"] == 2
    assert looked["settled_once"] == 3
    assert looked["usage_is_what_was_posted"] == 4
