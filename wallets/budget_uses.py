"""How far budgets are used: read for pages and the API; the caller is inside an organisation's scope."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from django.db import connection

from common.clock import billing_day, billing_now
from common.money import EXACT
from organisations.models import Agent, ApiKey, Organisation, Project
from wallets.models import Budget, BudgetPeriod

RUNS_SHOWN = 50
Scope = Budget.Scope

# The running period of each budget; its row is made by the first call in it, so there may be none yet.
_USES = """
SELECT b.id, coalesce(p.used, 0), coalesce(p.held, 0), billing_period(%(day)s, b.period),
       billing_period_end(billing_period(%(day)s, b.period), b.period, %(zone)s)
FROM wallets_budget b
LEFT JOIN wallets_budgetperiod p ON p.budget_id = b.id AND p.starts = billing_period(%(day)s, b.period)
WHERE b.id = ANY (%(ids)s)
"""


@dataclass(frozen=True)
class BudgetUse:
    """A running budget in its running period, which began on the local day `starts`. Amounts in its currency.

    `name`: of what it is for, in words. `used`: charged by calls authorised in the period; `held` by running ones.
    `restarts_at` (aware) is None where it never does.
    """

    budget: Budget
    name: str
    used: Decimal
    held: Decimal
    starts: date
    restarts_at: datetime | None

    @property
    def left(self) -> Decimal:
        """What calls may still be authorised for; below zero where it was lowered, or only alerts."""
        return self.budget.amount - self.used - self.held

    @property
    def taken(self) -> Decimal:
        """What is used or held."""
        return self.used + self.held

    @property
    def over(self) -> Decimal:
        """By how much it is exceeded."""
        return max(-self.left, Decimal(0))

    @property
    def alert_at(self) -> Decimal | None:
        """From which use on it is near its end."""
        percent = self.budget.alert_percent
        return None if percent is None else EXACT.multiply(self.budget.amount, Decimal(percent) / 100)

    @property
    def state(self) -> Literal["ok", "near", "reached"]:
        """ "reached": nothing is left. "near": the alert is reached. For pages, `budget.hard` says what that does."""
        if self.left <= 0:
            return "reached"
        return "near" if self.alert_at is not None and self.used >= self.alert_at else "ok"


def budget_uses(organisation: Organisation, *, scope: str = "", run: str = "") -> list[BudgetUse]:
    """The running budgets by scope and name, of runs the newest `RUNS_SHOWN`; only of one scope, or one run."""
    running = Budget.objects.filter(organisation=organisation, ended_at=None)
    if run:
        return _uses(organisation, running.filter(scope=Scope.RUN, target=run))
    others = running.exclude(scope=Scope.RUN) if scope in ("", *Scope) else running.none()
    if scope:
        others = others.filter(scope=scope)
    found = _sorted(_uses(organisation, others))
    if scope in ("", Scope.RUN):
        found += _uses(organisation, running.filter(scope=Scope.RUN).order_by("-pk")[:RUNS_SHOWN])
    return found


def budget_use(organisation: Organisation, budget_id: int) -> BudgetUse | None:
    """A running budget of the organisation; None where there is none with this id."""
    uses = _uses(organisation, Budget.objects.filter(organisation=organisation, pk=budget_id, ended_at=None))
    return uses[0] if uses else None


def use_in(period: BudgetPeriod) -> BudgetUse:
    """One period of a budget, also one that is over."""
    budget, organisation = period.budget, period.organisation
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_period_end(%s, %s, %s)", [period.starts, budget.period, organisation.billing_zone]
        )
        [restarts_at] = cursor.fetchone()
    name = names_of(organisation, [budget])[subject_of(budget)]
    return BudgetUse(budget, name, period.used, period.held, period.starts, restarts_at)


def uses_on(organisation: Organisation, subjects: Sequence[str]) -> list[BudgetUse]:
    """The running budgets that count calls booked on these subjects ("agent:7"), by scope and name."""
    budgets = Budget.objects.filter(organisation=organisation, subject__in=subjects, ended_at=None)
    return _sorted(_uses(organisation, budgets))


def names_of(organisation: Organisation, budgets: Iterable[Budget]) -> dict[str, str]:
    """What the budgets are for, by subject: names of things, labels as they are."""
    wanted: dict[str, set[int]] = {Scope.PROJECT: set(), Scope.AGENT: set(), Scope.KEY: set()}
    names = {"organisation:": organisation.name}
    for budget in budgets:
        if budget.scope in wanted:
            wanted[budget.scope].add(int(budget.target))
        names.setdefault(subject_of(budget), budget.target)
    for scope, ids in wanted.items():
        names |= {f"{scope}:{pk}": name for pk, name in _things(scope, organisation, ids)}
    return names


def subject_of(budget: Budget) -> str:
    """What calls name that the budget counts; also before the database has worked it out."""
    return f"{budget.scope}:{budget.target}"


def _things(scope: str, organisation: Organisation, ids: set[int]) -> list[tuple[int, str]]:
    if not ids:
        return []
    mine: dict[str, Any] = {"organisation": organisation, "pk__in": ids}
    if scope == Scope.PROJECT:
        return [(p.pk, p.name) for p in Project.objects.filter(**mine)]
    if scope == Scope.AGENT:
        return [(a.pk, f"{a.project.name}: {a.name}") for a in Agent.objects.select_related("project").filter(**mine)]
    return [(k.pk, str(k)) for k in ApiKey.objects.filter(**mine)]


def _uses(organisation: Organisation, budgets: Iterable[Budget]) -> list[BudgetUse]:
    found = list(budgets)
    if not found:
        return []
    names, zone = names_of(organisation, found), organisation.billing_zone
    figures = _figures([budget.pk for budget in found], billing_day(billing_now(), zone), zone)
    return [BudgetUse(b, names[subject_of(b)], *figures[b.pk]) for b in found]


def _figures(ids: list[int], day: date, zone: str) -> dict[int, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_USES, {"ids": ids, "day": day, "zone": zone})
        return {budget: rest for budget, *rest in cursor.fetchall()}


def _sorted(uses: list[BudgetUse]) -> list[BudgetUse]:
    scope, period = list(Scope.values).index, list(Budget.Period.values).index
    return sorted(uses, key=lambda u: (scope(u.budget.scope), u.name.casefold(), period(u.budget.period), u.budget.pk))
