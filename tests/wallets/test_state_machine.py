"""The whole wallet against a model in plain Python, whatever is done in whatever order, with all invariants.

`PROOF_EXAMPLES` and `PROOF_STEPS` (else 10 and 25) make a longer run. One that fails prints its steps and the line that
repeats it; `--hypothesis-seed` repeats a whole run. Steps are not shortened: that would take longer than reading them.
"""

import itertools
import os
import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.clock import billing_now
from common.tenancy import tenant as scope
from metering import ledger
from metering.expiry import end_expired_holds
from tests import database
from tests.factories import Tenant, make_tenant
from tests.metering.figures import rows_of
from tests.wallets.beside import STATE, authorised_at, closed, fresh, sound
from tests.wallets.book import LATEST, Book, Call, Lot
from tests.wallets.dollars import D, give
from wallets import services
from wallets.errors import NotAvailable, UndoneAlready
from wallets.models import Adjustment, Grant
from wallets.models import Budget as StoredBudget
from wallets.models import ClawBack as StoredClawBack

EXAMPLES, STEPS = int(os.environ.get("PROOF_EXAMPLES", 10)), int(os.environ.get("PROOF_STEPS", 25))
HOUR = 3600
CHECKED = 10  # all invariants after so many steps and at the end of each run; the model's figures after every one
# What the sweepers see to in time: between the steps they may not have run.
IN_TIME = frozenset({"no_hold_is_stuck", "expired_lots_only_cover_running_calls"})
_names = itertools.count(1)

amounts = st.integers(1, 20)
hours = st.integers(1, 6)


class Wallet(RuleBasedStateMachine):
    """One organisation. Its clock runs in whole hours, so that the seconds which a test takes decide nothing."""

    calls: Bundle[str] = Bundle("calls")
    dirty = True

    @initialize(paid=st.integers(1, 30))
    def begin(self, paid: int) -> None:
        if Wallet.dirty:
            fresh()
        Wallet.dirty = True  # until it is over and was found sound: what failed must not be found again by the next run
        self.tenant: Tenant = make_tenant(f"proof-{next(_names)}", scopes=("calls",))
        self.terms = rows_of("SELECT digest::text FROM wallets_terms")[0][0]
        self.book = Book()
        self.claw_backs: list[StoredClawBack] = []
        self.adjustments: list[tuple[Adjustment, int | None, list[tuple[int, int]]]] = []
        self.sent: list[tuple[Any, Any, ledger.Result]] = []
        self.seqs: dict[str, int] = {}
        self.steps = 0
        self.grant(paid, "paid", None, 0)

    def act(self) -> None:
        """Every operation first closes the lots that are due."""
        self.book.close(billing_now())

    # --- Lots -------------------------------------------------------------------------------------------------------
    @rule(
        amount=amounts,
        kind=st.sampled_from(["paid", "promotional"]),
        lasts=st.none() | hours,
        priority=st.integers(0, 1),
    )
    def grant(self, amount: int, kind: str, lasts: int | None, priority: int) -> None:
        self.act()
        expires = billing_now() + timedelta(hours=lasts) if lasts else None
        lot = give(self.tenant, str(amount), kind, expires_at=expires, priority=priority)
        self.book.add(Lot(kind, amount, lot.granted_at, expires, priority))

    @rule(amount=amounts, lasts=hours, cap=st.integers(0, 10), longer=hours)
    def include(self, amount: int, lasts: int, cap: int, longer: int) -> None:
        self.act()
        start = billing_now()
        end, outlives = start + timedelta(hours=lasts), start + timedelta(hours=lasts + longer)
        more = {"rollover_cap": D(cap), "rollover_expires_at": outlives} if cap else {}
        for _ in range(2):
            lot = services.grant_included(
                organisation=self.tenant.organisation, amount=D(amount), period_start=start, period_end=end, **more
            )
        self.book.add(Lot("included", amount, lot.granted_at, end, 0, cap, outlives if cap else None))

    @rule(which=st.integers(0, 9), amount=amounts, cause=st.sampled_from(["refund", "dispute", "reversal"]))
    def claw_back(self, which: int, amount: int, cause: str) -> None:
        paid = [n for n, lot in enumerate(self.book.lots) if lot.kind == "paid"]
        if not paid:
            return
        n = paid[which % len(paid)]
        self.act()
        with scope(self.tenant.id):
            lot = list(Grant.objects.filter(organisation_id=self.tenant.id).order_by("pk"))[n]
        taken = [
            services.claw_back(lot=lot, cause=cause, amount=D(amount), reason="x", key=f"c{len(self.claw_backs)}")
            for _ in range(2)
        ]
        self.book.claw_back(n, amount, taken[0].made_at + timedelta(microseconds=1))
        self.claw_backs.append(taken[0])
        assert [int(one.amount) for one in taken] == [self.book.claw_backs[-1].amount] * 2

    @precondition(lambda self: self.claw_backs)
    @rule(which=st.integers(0, 9))
    def give_back(self, which: int) -> None:
        n = which % len(self.claw_backs)
        self.act()
        services.give_back(self.claw_backs[n])
        if not self.book.claw_backs[n].given_back:
            self.book.give_back(self.book.claw_backs[n])
            self.act()

    @rule(amount=st.integers(-15, 10).filter(bool))
    def adjust(self, amount: int) -> None:
        asked = {
            "organisation": self.tenant.organisation, "amount": D(amount), "reason": "x",
            "key": f"a{next(_names)}",
        }  # fmt: skip
        before = billing_now()
        probe = closed(self.book, before)
        if -amount > probe.available:
            with pytest.raises(NotAvailable):
                services.adjust(**asked)
            return
        self.act()
        made = services.adjust(**asked)
        assert services.adjust(**asked) == made
        if amount > 0:
            self.book.add(Lot("promotional", amount, made.made_at))
        parts = self.book.take(-amount, made.made_at) if amount < 0 else []
        self.adjustments.append((made, len(self.book.lots) - 1 if amount > 0 else None, parts))

    @precondition(lambda self: self.adjustments)
    @rule(which=st.integers(0, 9))
    def undo(self, which: int) -> None:
        n = which % len(self.adjustments)
        made, lot, parts = self.adjustments[n]
        probe = closed(self.book, billing_now())
        if lot is not None and min(probe.lots[lot].left, probe.available) < int(made.amount):
            with pytest.raises(NotAvailable):
                services.undo_adjustment(made, reason="x", key=f"u{made.pk}")
            return
        self.act()
        services.undo_adjustment(made, reason="x", key=f"u{made.pk}")
        if lot is not None:
            self.book.lots[lot].left -= int(made.amount)
        for place, part in parts:
            self.book.lots[place].left += part
        self.act()
        with pytest.raises(UndoneAlready):
            services.undo_adjustment(made, reason="x", key="another")
        self.adjustments.pop(n)

    # --- Budgets ----------------------------------------------------------------------------------------------------
    @rule(
        scope_=st.sampled_from(["organisation", "run"]), period=st.sampled_from(["day", "total"]),
        amount=st.integers(0, 30), hard=st.booleans(),
    )  # fmt: skip
    def set_budget(self, scope_: str, period: str, amount: int, hard: bool) -> None:
        target = "r" if scope_ == "run" else ""
        self.act()
        services.set_budget(
            organisation=self.tenant.organisation,
            scope=scope_,
            target=target,
            period=period,
            amount=D(amount),
            hard=hard,
        )
        self.book.set_budget(f"{scope_}:{target}", period, amount, hard, billing_now())

    @precondition(lambda self: self.book.budgets)
    @rule(which=st.integers(0, 9))
    def end_budget(self, which: int) -> None:
        n = which % len(self.book.budgets)
        self.act()
        with scope(self.tenant.id):
            stored = list(StoredBudget.objects.filter(organisation_id=self.tenant.id).order_by("pk"))[n]
        services.end_budget(stored)
        self.book.budgets[n].ended = True

    # --- Calls ------------------------------------------------------------------------------------------------------
    @rule(
        target=calls, wanted=amounts, minimum=st.integers(1, 4), run=st.sampled_from(["", "r"]),
        dispatched=st.booleans(), lasts=st.integers(1, 3),
    )  # fmt: skip
    def authorise(self, wanted: int, minimum: int, run: str, dispatched: bool, lasts: int) -> str:
        self.act()
        minimum, key = min(minimum, wanted), str(uuid.uuid4())
        subjects = ("organisation:", *(["run:r"] if run else []))
        operation = ledger.Authorise(
            organisation=self.tenant.id, key=f"authorise {key}", fingerprint="f", hold=key, fixed="0", unit="1",
            asked=wanted, wanted=wanted, minimum=minimum, ttl=lasts * HOUR, terms=self.terms, subjects=list(subjects),
            project=self.tenant.project.pk, agent=self.tenant.agent.pk, api_key=self.tenant.key.pk, model=1, user="",
            run=run, input_tokens=0, dispatched=dispatched,
        )  # fmt: skip
        now = billing_now()
        [result] = ledger.authorise([operation])
        at = authorised_at(key) or now
        call = Call(0, at, at + timedelta(hours=lasts), subjects, dispatched)
        granted = self.book.authorise(key, call, wanted, minimum)
        if granted is None:
            assert result.outcome == "refused"
            assert result.figures["affordable_output_tokens"] == max(0, self.book.room(call))
        else:
            assert (result.outcome, result.figures["max_output_tokens"]) == ("authorised", granted)
            assert result.figures["available"] == f"{self.book.available}.000000000"
        self.sent.append((ledger.authorise, operation, result))
        return key

    @rule(key=calls, more=st.integers(-3, 12))
    def progress(self, key: str, more: int) -> None:
        call = self.book.calls.get(key)
        self.act()
        cost = max(0, (call.reported if call else 0) + more)
        seq = self.seqs[key] = self.seqs.get(key, 0) + 1
        operation = ledger.Progress(self.tenant.id, key, seq, str(cost), {"output": cost})
        if call is None:
            assert ledger.progress([operation]) == []
            return
        lasts = rows_of("SELECT ttl_seconds FROM metering_call WHERE hold_id = %s", key)[0][0]
        until = billing_now() + timedelta(seconds=lasts)
        [result] = ledger.progress([operation])
        if call.state != "open":
            assert result.outcome == "ended"
            return
        assert result.outcome == self.book.progress(call, cost, until)
        # A report that comes late or twice changes nothing.
        [again] = ledger.progress([ledger.Progress(self.tenant.id, key, seq - 1, "99", {"output": 99})])
        assert again.outcome == result.outcome

    def _settlement(self, key: str, cost: int) -> ledger.Settle:
        return ledger.Settle(
            organisation=self.tenant.id, key=f"settle {uuid.uuid4()}", fingerprint="f", hold=key, cost=str(cost),
            ended_by="call", record=str(uuid.uuid4()), status="completed", service_tier="standard",
            leaves={"output": cost}, list_cost=str(cost), estimated=False, flags=[],
        )  # fmt: skip

    @rule(key=calls, cost=st.integers(0, 25))
    def settle(self, key: str, cost: int) -> None:
        """Part, full or over what it holds; also of what expiry released."""
        call = self.book.calls.get(key)
        self.act()
        operation = self._settlement(key, cost)
        now = billing_now()
        [result] = ledger.settle([operation])
        late = call and call.state == "released" and call.ended_by == "expiry" and call.ended > now - LATEST
        if call is None or (call.state != "open" and not late):
            assert result.outcome == ("missing" if call is None else "ended")
            return
        charged, absorbed = self.book.settle(call, cost, now)
        assert result.figures["charge"] == f"{charged}.000000000"
        assert result.figures["absorbed"] == f"{absorbed}.000000000"
        self.sent.append((ledger.settle, operation, result))

    @rule(key=calls, cost=st.integers(0, 25))
    def late_usage(self, key: str, cost: int) -> None:
        call = self.book.calls.get(key)
        if call is None or call.state != "settled":
            return
        self.act()
        now = billing_now()
        result = ledger.revise(ledger.Revise(
            organisation=self.tenant.id, key=f"revise {uuid.uuid4()}", fingerprint="f", hold=key, cost=str(cost),
            record=str(uuid.uuid4()), base=1, status="completed", service_tier="standard",
            leaves={}, list_cost="0", estimated=False, flags=[],
        ))  # fmt: skip
        if not call.estimated or call.ended <= now - LATEST:
            assert result.outcome == "ended"
            return
        assert result.outcome == "revised"
        self.book.revise(call, cost)

    @rule(key=calls)
    def release(self, key: str) -> None:
        call = self.book.calls.get(key)
        self.act()
        operation = ledger.Release(self.tenant.id, f"release {uuid.uuid4()}", "f", key, "call")
        [result] = ledger.release([operation])
        if call is None:
            assert result.outcome == "missing"
        elif call.state != "open":
            assert result.outcome == "ended"
        elif call.accrued:
            assert result.outcome == "accrued"
        else:
            assert result.outcome == "released"
            self.book.release(call, billing_now())
            self.sent.append((ledger.release, operation, result))

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 99), other=st.booleans())
    def repeat(self, which: int, other: bool) -> None:
        """Sent again, at whatever time and in whatever order: the first answer, or a conflict; nothing moves."""
        send, operation, first = self.sent[which % len(self.sent)]
        self.act()
        operation.fingerprint = "g" if other else "f"
        if isinstance(operation, ledger.Settle):
            operation.record = str(uuid.uuid4())  # each request would write one of its own
        [again] = send([operation])
        operation.fingerprint = "f"
        assert again.outcome == ("key_reused" if other else first.outcome)
        assert (again.hold, again.figures, again.replayed) == (first.hold, first.figures, True)

    # --- Time -------------------------------------------------------------------------------------------------------
    @rule(ahead=st.integers(1, 5))
    def clock(self, ahead: int) -> None:
        database.advance_clock(ahead * HOUR)

    @rule()
    def sweep_calls(self) -> None:
        now = billing_now()
        over = [call for call in self.book.calls.values() if call.state == "open" and call.until <= now]
        if over:
            self.act()
        assert end_expired_holds() == len(over)
        # Those that were not sent first, then the others, oldest first.
        for call in over:
            if not call.dispatched:
                self.book.release(call, now, "expiry")
        self.book.close(now) if [c for c in over if c.dispatched] else None
        for call in sorted((c for c in over if c.dispatched), key=lambda c: c.until):
            self.book.settle(call, call.reported, now, "expiry")
            call.estimated = True

    @rule()
    def sweep_lots(self) -> None:
        services.close_due_lots()
        self.act()

    # --- What must be true ------------------------------------------------------------------------------------------
    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        if not hasattr(self, "book"):
            return
        [(found,)] = rows_of(STATE, self.tenant.id)
        assert found == self._expected()
        self.steps += 1
        if self.steps % CHECKED == 0:
            sound(but=IN_TIME)

    def _expected(self) -> dict[str, Any]:
        book = self.book
        return {
            "wallet": [book.balance, book.held],
            "lots": [[lot.kind, lot.left, lot.owed] for lot in book.lots],
            "calls": {
                key: [c.state, c.ended_by, c.amount, c.accrued, c.charged, c.absorbed] for key, c in book.calls.items()
            },
            "budgets": [
                [starts.isoformat(), budget.used[starts], budget.held[starts]]
                for budget in book.budgets for starts in sorted(budget.used)
            ],
        }  # fmt: skip

    def teardown(self) -> None:
        if hasattr(self, "book"):
            database.advance_clock(25 * HOUR)  # nothing may run on into the next one
            end_expired_holds()
            services.close_due_lots()
            sound()
            Wallet.dirty = False


def test_the_wallet_is_what_its_rules_say(transactional_db: None, settings: Any) -> None:
    settings.ABSORBED_LIMIT = D(10**6)
    Wallet.dirty = True
    run_state_machine_as_test(Wallet, settings=profile(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
    ))  # fmt: skip
