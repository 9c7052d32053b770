"""Budgets are set and ended under the wallet's lock, so that no call is decided on an old one."""

from decimal import Decimal

from django.db import connection

from common import live
from common.clock import billing_now
from common.tenancy import tenant
from organisations.models import Organisation
from wallets.models import Budget
from wallets.services.posting import locked, posting_time


def set_budget(
    *,
    organisation: Organisation,
    scope: str,
    target: str,
    period: str,
    amount: Decimal,
    hard: bool = True,
    alert_percent: int | None = None,
) -> Budget:
    """Set what may be spent on one subject in a period; the running budget of the same subject and period is changed.

    `target` is the id of a project, agent or API key, the label of a member or run, "" for the organisation. `amount`
    is in the organisation's currency; 0 stops all calls where it is `hard`. What calls authorised in the running period
    have been charged and hold counts from the period's beginning. Raises `ValidationError`.
    """
    asked = Budget(
        organisation=organisation, scope=scope, target=target, period=period, amount=amount, hard=hard,
        alert_percent=alert_percent, made_at=billing_now(),
    )  # fmt: skip
    asked.clean_fields(exclude={"organisation"})
    # What was charged so far may be a month of calls: summed before the lock, and under it only what came since.
    with tenant(organisation.pk, snapshot=True):
        before, newest = _charged(asked, after=0)
    with tenant(organisation.pk):
        wallet = locked(organisation.pk)
        running = Budget.objects.filter(
            organisation=organisation, scope=scope, target=target, period=period, ended_at=None
        ).first()
        if running is not None:
            running.amount, running.hard, running.alert_percent = amount, hard, alert_percent
            running.save(update_fields=["amount", "hard", "alert_percent"])
            return running
        asked.made_at = posting_time(wallet)  # what is posted until then is what was charged before it
        asked.validate_constraints()
        asked.save()
        since, _ = _charged(asked, after=newest)
        with connection.cursor() as cursor:
            cursor.execute("SELECT wallets_open_budget(%s, %s)", [asked.pk, before + since])
        live.changed_on_commit(organisation.pk)
    return asked


def end_budget(budget: Budget) -> None:
    """Take a budget away: from now on it neither stops nor counts new calls. What it counted stays."""
    with tenant(budget.organisation_id):
        locked(budget.organisation_id)
        Budget.objects.filter(pk=budget.pk, ended_at=None).update(ended_at=billing_now())
        live.changed_on_commit(budget.organisation_id)


def _charged(budget: Budget, *, after: int) -> tuple[Decimal, int]:
    """What calls of the budget's running period were charged by transfers after one id; and the newest id there is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT charged, newest FROM wallets_charged(%s, %s, %s, %s)",
            [budget.organisation_id, f"{budget.scope}:{budget.target}", budget.period, after],
        )
        charged, newest = cursor.fetchone()
    return charged, newest
