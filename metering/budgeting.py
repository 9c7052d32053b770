"""Budgets as the API has them: read, what binds a key, and the envelope of a run."""

import re
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from django.core.exceptions import ValidationError
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from common.clock import billing_now
from common.problems import InvalidFields
from common.tenancy import tenant
from metering import answers
from metering.requests import RunBudget
from organisations.models import ApiKey, Organisation
from wallets.budget_family import require_fitting
from wallets.budget_uses import RUNS_SHOWN, BudgetUse, budget_use, budget_uses, uses_on
from wallets.models import Budget, Wallet
from wallets.services import set_budget

Scope, TOTAL = Budget.Scope, Budget.Period.TOTAL
QUERY = (
    OpenApiParameter(
        "scope", str, OpenApiParameter.QUERY, enum=list(Scope.values),
        description=f"Only budgets of this kind. Of runs the newest {RUNS_SHOWN} are listed.",
    ),
    OpenApiParameter("run", str, OpenApiParameter.QUERY, description="Only the budgets of the run with this label."),
)  # fmt: skip


class Question(NamedTuple):
    """Which budgets a caller asks for; "" for all."""

    scope: str
    run: str


def read_question(given: QueryDict) -> Question:
    """Read a query string. Raises `InvalidFields` for what means nothing here."""
    for name, values in given.lists():
        if name not in Question._fields:
            raise _invalid(name, f"There is no {name[:40]!r} to ask for.")
        if len(values) > 1:
            raise _invalid(name, f"{name} is there more than once.")
    question = Question(given.get("scope", ""), given.get("run", ""))
    if question.scope not in ("", *Scope.values):
        raise _invalid("scope", f"A scope is one of {', '.join(Scope.values)}.")
    if question.run and question.scope not in ("", Scope.RUN):
        raise _invalid("run", f"A budget of a {question.scope} has no run.")
    if len(question.run) > 200 or re.search("[\0\ud800-\udfff]", question.run):
        raise _invalid("run", "No run has such a label.")
    return question


def budgets_for(key: ApiKey, question: Question) -> answers.Budgets:
    """The organisation's running budgets; the caller is inside a snapshot."""
    uses = budget_uses(key.organisation, scope=question.scope, run=question.run)
    return answers.Budgets([_answer(use) for use in uses], key.organisation.currency, answers.moment(billing_now()))


def limits_for(key: ApiKey) -> answers.Limits:
    """What binds the key now; the caller is inside a snapshot. Budgets of members and runs count single calls."""
    organisation = key.organisation
    wallet = Wallet.objects.filter(organisation=organisation).first() or Wallet(organisation=organisation)
    bound = (("project", key.project_id), ("agent", key.agent_id), ("key", key.pk))
    uses = uses_on(organisation, ["organisation:", *(f"{scope}:{pk}" for scope, pk in bound if pk)])
    scope, room = _tightest(wallet.balance - wallet.held, uses)
    return answers.Limits(
        suspended=_suspended(organisation, wallet),
        balance=f"{wallet.balance:.9f}",
        held=f"{wallet.held:.9f}",
        available=f"{wallet.balance - wallet.held:.9f}",
        limiting_scope=scope,
        room=f"{max(room, Decimal(0)):.9f}",
        budgets=[_answer(use) for use in uses],
        currency=organisation.currency,
        as_of=answers.moment(billing_now()),
    )


def open_run(key: ApiKey, asked: RunBudget) -> answers.Budget:
    """Set the envelope of a run, in total. Raises `InvalidFields` where it is above the organisation's own, or looser
    than one that the run has: keys may tighten what is set, people loosen it."""
    organisation, amount = key.organisation, Decimal(asked.amount)
    with tenant(organisation.pk, snapshot=True):
        _require_no_looser(organisation, asked, amount)
        try:
            require_fitting(organisation, Scope.RUN, asked.run, TOTAL, amount)
        except ValidationError as error:
            raise _invalid("amount", " ".join(error.messages)) from None
    made = set_budget(
        organisation=organisation, scope=Scope.RUN, target=asked.run, period=TOTAL, amount=amount, hard=asked.hard,
        alert_percent=asked.alert_percent,
    )  # fmt: skip
    with tenant(organisation.pk, snapshot=True):
        use = budget_use(organisation, made.pk)
    # Somebody may have ended it in between: then what was set is told.
    return _answer(use or BudgetUse(made, asked.run, Decimal(0), Decimal(0), made.made_at.date(), None))


def _require_no_looser(organisation: Organisation, asked: RunBudget, amount: Decimal) -> None:
    about = {"scope": Scope.RUN, "target": asked.run, "period": TOTAL, "ended_at": None}
    there = Budget.objects.filter(organisation=organisation, **about).first()
    if there is None:
        return
    if amount > there.amount:
        told = f"The run has a budget of {there.amount:.9f} already. A key may lower it; owners and admins raise it."
        raise _invalid("amount", told)
    if there.hard and not asked.hard:
        raise _invalid("hard", "The run's budget refuses calls. A key can't change that; owners and admins can.")


def _tightest(available: Decimal, uses: list[BudgetUse]) -> tuple[Any, Decimal]:
    rooms: list[tuple[Any, Decimal]] = [("wallet", available)]
    rooms += [(use.budget.scope, use.left) for use in uses if use.budget.hard]
    return min(rooms, key=lambda room: room[1])


def _suspended(organisation: Organisation, wallet: Wallet) -> Literal["suspended", "suspended_overrun"] | None:
    if organisation.suspended_at is not None:
        return "suspended"
    return "suspended_overrun" if wallet.overrun_since is not None else None


def _answer(use: BudgetUse) -> answers.Budget:
    budget: Any = use.budget  # its choices are what the answer names
    return answers.Budget(
        id=budget.pk, scope=budget.scope, target=budget.target, name=use.name, period=budget.period,
        amount=f"{budget.amount:.9f}", used=f"{use.used:.9f}", held=f"{use.held:.9f}", left=f"{use.left:.9f}",
        hard=budget.hard, alert_percent=budget.alert_percent, state=use.state,
        first_day=None if budget.period == TOTAL else use.starts.isoformat(),
        resets_at=answers.moment(use.restarts_at) if use.restarts_at else None,
    )  # fmt: skip


def _invalid(name: str, message: str) -> InvalidFields:
    return InvalidFields(message, errors=[{"field": name, "message": message}])
