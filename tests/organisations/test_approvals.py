"""Four eyes: asked by one, approved by another and done exactly once; refused with a reason, withdrawn, expired."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from psycopg.errors import LockNotAvailable

from common.tenancy import acting_as, platform
from organisations import approvals
from organisations.approvals import approve, expire_old, refuse, withdraw
from organisations.errors import AlreadyDecided, CannotBeDone, FormSentBefore, MayNotDecide, NeedsSecondPerson
from organisations.models import Approval, User
from organisations.selectors import approvals_to_decide, waiting_approvals
from organisations.tasks import expire_approvals
from tests import cast, database
from tests.cast import ask_for_credits
from tests.factories import Tenant, make_tenant, make_user
from tests.metering.figures import one, rows_of, verified, wallet
from wallets.models import Grant
from wallets.services import grant_credits

D = Decimal
DAYS = 24 * 3600


@pytest.fixture(autouse=True)
def _cheap_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff(transactional_db: None) -> SimpleNamespace:
    roles = {"asker": "finance", "approver": "finance", "root": "superuser", "support": "support"}
    return SimpleNamespace(**{name: make_user(f"{name}@platform.example", role) for name, role in roles.items()})


@pytest.fixture
def asked(tenant: Tenant, staff: SimpleNamespace) -> Approval:
    """$500.00 for Ada, who has $100.00."""
    return ask_for_credits(tenant, by=staff.asker)


def state(approval: Approval) -> tuple[Any, ...]:
    found: tuple[Any, ...] = one(
        "SELECT state, decided_by_id, decision_reason, result FROM organisations_approval WHERE id = %s", approval.pk
    )
    return found


# --- Asked by one, approved by another ------------------------------------------------------------------------------
def test_what_one_asks_for_is_done_when_another_approves(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    assert wallet(tenant.id) == (D(100), D(0))
    assert asked.expires_at - asked.asked_at == timedelta(hours=72)
    assert (asked.currency, asked.amount, asked.subject) == ("USD", 500, "Give $500.00 of paid credits")
    done = approve(approval_id=asked.pk, by=staff.approver, reason="Wire is there")
    told = "Paid credits of $500.00 are given."
    assert done.result == told
    assert state(asked) == ("approved", staff.approver.pk, "Wire is there", told)
    assert wallet(tenant.id) == (D(600), D(0))
    assert rows_of("SELECT amount, key, reason, given_by_id FROM wallets_grant WHERE amount = 500") == [
        (D(500), f"approval:{asked.pk}", "Wire of 3 May", staff.asker.pk)
    ]
    verified()


def test_a_superuser_may_approve_too(tenant: Tenant, staff: SimpleNamespace, asked: Approval) -> None:
    approve(approval_id=asked.pk, by=staff.root)
    assert wallet(tenant.id) == (D(600), D(0))


def test_approving_again_does_nothing_more(tenant: Tenant, staff: SimpleNamespace, asked: Approval) -> None:
    approve(approval_id=asked.pk, by=staff.approver)
    for act in (approve, refuse, withdraw):
        for person in (staff.approver, staff.root, staff.asker):
            more = {"reason": "no"} if act is refuse else {}
            with pytest.raises(AlreadyDecided, match="approved already"):
                act(approval_id=asked.pk, by=person, **more)
    assert wallet(tenant.id) == (D(600), D(0))


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """What each of them returned or raised, all begun at one moment."""
    start, outcomes = threading.Barrier(len(acts)), []

    def run(act: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes.append(act())
        except Exception as error:  # whatever it is, the test must see it
            outcomes.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return outcomes


@pytest.mark.parametrize("turn", range(3))
def test_approvers_at_the_same_moment_give_once(
    turn: int, tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    people = [staff.approver, staff.root] * 4
    outcomes = at_once([lambda by=by: approve(approval_id=asked.pk, by=by) for by in people])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyDecided"] * 7 + ["Approval"]
    assert wallet(tenant.id) == (D(600), D(0))
    assert one("SELECT count(*) FROM wallets_grant WHERE amount = 500") == (1,)
    verified()


def test_approving_and_refusing_at_the_same_moment_is_one_of_them(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    outcomes = at_once(
        [
            lambda: approve(approval_id=asked.pk, by=staff.approver),
            lambda: refuse(approval_id=asked.pk, by=staff.root, reason="no"),
            lambda: withdraw(approval_id=asked.pk, by=staff.asker),
        ]
    )
    [decided] = [outcome for outcome in outcomes if isinstance(outcome, Approval)]
    assert [type(o) for o in outcomes if o is not decided] == [AlreadyDecided] * 2
    assert wallet(tenant.id) == (D(600) if decided.state == "approved" else D(100), D(0))


def test_two_who_approve_each_others_lock_people_in_one_order(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    """Else each would hold what the other waits for. Whoever approves, the first account is locked before the second,
    which somebody holds here."""
    yours = ask_for_credits(tenant, "200", by=staff.approver)
    first, second = sorted((staff.asker.pk, staff.approver.pk))
    lock = "SELECT 1 FROM organisations_user WHERE id = %s FOR NO KEY UPDATE"
    for approval, by in ((asked, staff.approver), (yours, staff.asker)):
        outcomes: list[Any] = []
        with cast.app(platform="write") as holder:
            holder.execute(lock, [second])
            acts = [lambda approval=approval, by=by: approve(approval_id=approval.pk, by=by)]
            act = threading.Thread(target=lambda acts=acts, outcomes=outcomes: outcomes.extend(at_once(acts)))
            act.start()
            assert until(lambda: _rows(f"{lock} SKIP LOCKED", first) == []), "the first account is not locked"
        act.join()
        assert [type(outcome) for outcome in outcomes] == [Approval]
    assert wallet(tenant.id) == (D(800), D(0))


def _rows(sql: str, *parameters: Any) -> list[Any]:
    with cast.app(platform="write") as app:
        return app.execute(sql, parameters).fetchall()  # type: ignore[arg-type]


def until(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold within the time for which a lock is waited for."""
    end = time.monotonic() + 3
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.02)
    return held


def test_the_action_itself_is_done_once_whatever_the_approval_says(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    """The second wall: without the state's the key of the action would still stop a second grant."""
    approve(approval_id=asked.pk, by=staff.approver)
    with database.owner() as owner:
        owner.execute("SELECT set_config('app.platform', 'write', false)")
        owner.execute("ALTER TABLE organisations_approval DISABLE TRIGGER decided_once")
        owner.execute("UPDATE organisations_approval SET state = 'asked', decided_by_id = NULL, decided_at = NULL")
        owner.execute("ALTER TABLE organisations_approval ENABLE TRIGGER decided_once")
    approve(approval_id=asked.pk, by=staff.root)
    assert wallet(tenant.id) == (D(600), D(0))


# --- Unchanged ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("limit", ["1", "100000"])
def test_what_was_asked_is_done_unchanged_whatever_the_limit_is_by_then(
    limit: str, tenant: Tenant, staff: SimpleNamespace, asked: Approval, settings: Any
) -> None:
    settings.GRANT_LIMIT = limit
    approve(approval_id=asked.pk, by=staff.approver)
    assert rows_of("SELECT kind, amount, reason FROM wallets_grant WHERE key LIKE 'approval:%%'") == [
        ("paid", D(500), "Wire of 3 May")
    ]


def test_an_action_that_fails_leaves_it_waiting_and_nothing_done(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(approval: Approval) -> str:
        cast.give(tenant.organisation, "1")
        raise CannotBeDone("The world has changed.")

    kind = approvals.kind_of(asked)
    monkeypatch.setitem(approvals._kinds, "grant", kind._replace(execute=half))
    with pytest.raises(CannotBeDone, match="The world has changed"):
        approve(approval_id=asked.pk, by=staff.approver)
    assert state(asked) == ("asked", None, "", "")
    assert wallet(tenant.id) == (D(100), D(0))
    monkeypatch.setitem(approvals._kinds, "grant", kind)
    approve(approval_id=asked.pk, by=staff.approver)
    assert wallet(tenant.id) == (D(600), D(0))


def test_the_same_form_asks_once_and_another_content_is_refused(tenant: Tenant, staff: SimpleNamespace) -> None:
    outcomes = at_once([lambda: ask_for_credits(tenant, by=staff.asker, key="form")] * 4)
    assert len({outcome.pk for outcome in outcomes}) == 1
    with pytest.raises(FormSentBefore):
        ask_for_credits(tenant, "600", by=staff.asker, key="form")
    with pytest.raises(FormSentBefore):
        ask_for_credits(tenant, by=staff.approver, key="form")
    assert one("SELECT count(*) FROM organisations_approval") == (1,)


# --- Who ------------------------------------------------------------------------------------------------------------
def test_nobody_approves_or_refuses_what_they_asked_for(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    with pytest.raises(MayNotDecide, match="another person has to approve"):
        approve(approval_id=asked.pk, by=staff.asker)
    with pytest.raises(MayNotDecide, match="withdraw"):
        refuse(approval_id=asked.pk, by=staff.asker, reason="no")
    assert state(asked)[0] == "asked"
    assert wallet(tenant.id) == (D(100), D(0))


def test_support_and_members_may_neither_ask_nor_decide(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval, owner: User
) -> None:
    for person in (staff.support, owner):
        for act in (
            lambda by: ask_for_credits(tenant, by=by, key="theirs"),
            lambda by: approve(approval_id=asked.pk, by=by),
            lambda by: refuse(approval_id=asked.pk, by=by, reason="no"),
        ):
            with pytest.raises(MayNotDecide, match="finance or a superuser"):
                act(person)
        with pytest.raises(MayNotDecide):
            withdraw(approval_id=asked.pk, by=person)
    assert state(asked)[0] == "asked"
    assert wallet(tenant.id) == (D(100), D(0))


def change(user: User, **fields: Any) -> None:
    User.objects.filter(pk=user.pk).update(**fields)


@pytest.mark.parametrize("who", ["asker", "approver"])
@pytest.mark.parametrize("fields", [{"is_active": False}, {"platform_role": "support"}, {"platform_role": ""}])
def test_who_is_no_longer_of_finance_counts_no_more(
    who: str, fields: dict[str, Any], tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    change(getattr(staff, who), **fields)  # what the approver's own object says is older
    with pytest.raises(MayNotDecide, match=f"{who}@platform.example may not do this"):
        approve(approval_id=asked.pk, by=staff.approver)
    assert wallet(tenant.id) == (D(100), D(0))


def test_nobody_is_deactivated_while_their_approval_is_being_done(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, refused = approvals.kind_of(asked), []

    def execute(approval: Approval) -> str:
        for person in (staff.asker, staff.approver):
            with cast.app() as app:
                app.execute("SET LOCAL lock_timeout = '100ms'")
                with pytest.raises(LockNotAvailable):
                    app.execute("UPDATE organisations_user SET is_active = false WHERE id = %s", [person.pk])
            refused.append(person)
        return kind.execute(approval)

    monkeypatch.setitem(approvals._kinds, "grant", kind._replace(execute=execute))
    approve(approval_id=asked.pk, by=staff.approver)
    assert refused == [staff.asker, staff.approver]
    assert wallet(tenant.id) == (D(600), D(0))


def test_one_person_alone_gives_no_more_than_the_limit_by_naming_themselves_twice(
    tenant: Tenant, staff: SimpleNamespace
) -> None:
    for second in (None, staff.asker):
        with pytest.raises(NeedsSecondPerson):
            grant_credits(
                organisation=tenant.organisation, kind="paid", amount=D("100.01"), reason="r", key="k",
                by=staff.asker, approved_by=second,
            )  # fmt: skip
    assert wallet(tenant.id) == (D(100), D(0))


# --- Refused, withdrawn, expired ------------------------------------------------------------------------------------
def test_it_is_refused_with_a_reason(tenant: Tenant, staff: SimpleNamespace, asked: Approval) -> None:
    for reason in ("", "  "):
        with pytest.raises(ValidationError, match="Say why"):
            refuse(approval_id=asked.pk, by=staff.approver, reason=reason)
    refuse(approval_id=asked.pk, by=staff.approver, reason=" No such wire ")
    assert state(asked) == ("refused", staff.approver.pk, "No such wire", "")
    with pytest.raises(AlreadyDecided, match="refused already"):
        approve(approval_id=asked.pk, by=staff.root)
    assert wallet(tenant.id) == (D(100), D(0))


def test_who_asked_may_withdraw_it_and_nobody_else(tenant: Tenant, staff: SimpleNamespace, asked: Approval) -> None:
    with pytest.raises(MayNotDecide, match="Somebody else asked"):
        withdraw(approval_id=asked.pk, by=staff.approver)
    withdraw(approval_id=asked.pk, by=staff.asker)
    assert state(asked) == ("withdrawn", staff.asker.pk, "", "")
    with pytest.raises(AlreadyDecided, match="withdrawn already"):
        approve(approval_id=asked.pk, by=staff.approver)
    assert wallet(tenant.id) == (D(100), D(0))


def test_what_has_expired_can_not_be_approved_before_or_after_the_task_notes_it(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    database.advance_clock(3 * DAYS - 60)
    expire_approvals()
    assert state(asked)[0] == "asked"
    database.advance_clock(60)
    with platform("read"):
        assert not waiting_approvals().exists()
    for noted in (False, True):
        for act in (approve, withdraw, lambda **who: refuse(reason="late", **who)):
            with pytest.raises(AlreadyDecided, match="expired"):
                act(approval_id=asked.pk, by=staff.asker if act is withdraw else staff.approver)
        assert state(asked)[0] == ("expired" if noted else "asked")
        assert expire_old() == (0 if noted else 1)
    assert state(asked) == ("expired", None, "", "")
    assert wallet(tenant.id) == (D(100), D(0))


def test_younger_ones_and_decided_ones_dont_expire(tenant: Tenant, staff: SimpleNamespace, asked: Approval) -> None:
    refuse(approval_id=asked.pk, by=staff.approver, reason="no")
    database.advance_clock(2 * DAYS)
    young = ask_for_credits(tenant, "300", by=staff.asker)
    database.advance_clock(2 * DAYS)
    assert expire_old() == 0
    assert [state(approval)[0] for approval in (asked, young)] == ["refused", "asked"]


# --- What is shown, and what is kept --------------------------------------------------------------------------------
def test_what_waits_is_without_sandboxes_and_what_expires_first_comes_first(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    database.advance_clock(60)
    later = ask_for_credits(tenant, "300", by=staff.asker)
    sandbox = ask_for_credits(make_tenant("sand", sandbox=True), by=staff.asker)
    with platform("read"):
        assert [a.pk for a in approvals_to_decide()] == [asked.pk, later.pk]
        assert [a.pk for a in waiting_approvals()] == [asked.pk, later.pk, sandbox.pk]


def test_the_audit_trail_has_who_asked_and_who_approved(
    tenant: Tenant, staff: SimpleNamespace, asked: Approval
) -> None:
    with acting_as(f"user:{staff.approver.pk}"):
        approve(approval_id=asked.pk, by=staff.approver)
    entries = rows_of(
        "SELECT actor, action, after FROM organisations_auditentry"
        " WHERE \"table\" = 'organisations_approval' ORDER BY id"
    )
    assert [action for _, action, _ in entries] == ["insert", "update"]
    assert entries[0][2]["payload"] == {
        "kind": "paid", "amount": "500", "reason": "Wire of 3 May", "expires_at": None
    }  # fmt: skip
    assert entries[1][0] == f"user:{staff.approver.pk}"
    assert entries[1][2]["state"] == "approved"
    assert set(entries[1][2]) == {"state", "decided_by_id", "decided_at", "result"}


def test_grants_below_the_limit_need_nobody(tenant: Tenant, staff: SimpleNamespace) -> None:
    grant = grant_credits(
        organisation=tenant.organisation, kind="paid", amount=D(100), reason="r", key="k", by=staff.asker
    )
    assert isinstance(grant, Grant)
    assert one("SELECT count(*) FROM organisations_approval") == (0,)
