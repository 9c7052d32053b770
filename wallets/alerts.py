"""The mail that says that a budget has reached its alert: once for each of its periods."""

from typing import Any

import structlog
from django.conf import settings

from common.clock import billing_now
from common.mail import send_text
from common.tenancy import platform
from organisations.selectors import billed_organisations
from wallets.budget_uses import BudgetUse, use_in
from wallets.models import BudgetPeriod

log = structlog.get_logger("budgets")


def mail_alerts() -> int:
    """Mail the organisations of all budgets that reached their alert; returns to how many.

    A period is marked in a short transaction of its own and the mail sent after it, so each is told at most once: a
    crash in between loses the mail, and nobody is told twice, or every minute, about the same money. The state is on
    the budgets' page all the same. Where the mail server refuses, the mark is taken back, and the next run tries again.
    """
    sent = 0
    while (claimed := _claim()) is not None:
        try:
            _send(claimed)
        except OSError:
            log.exception("alert of a budget not sent", budget=claimed.budget.pk)
            _unclaim(claimed)
            return sent
        sent += 1
    return sent


def _claim() -> BudgetUse | None:
    with platform("write"):
        waiting = BudgetPeriod.objects.filter(
            alerted_at__isnull=False, mailed_at=None, budget__ended_at=None, organisation__in=billed_organisations()
        )
        # Another worker's, or one that a call counts on at this moment, is left for later.
        locked = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",))
        period = locked.select_related("budget__organisation", "organisation").order_by("alerted_at", "pk").first()
        if period is None:
            return None
        period.mailed_at = billing_now()
        period.save(update_fields=["mailed_at"])
        return use_in(period)


def _unclaim(use: BudgetUse) -> None:
    with platform("write"):
        BudgetPeriod.objects.filter(budget=use.budget, starts=use.starts).update(mailed_at=None)


def _send(use: BudgetUse) -> None:
    organisation = use.budget.organisation
    context: dict[str, Any] = {
        "use": use, "budget": use.budget, "organisation": organisation, "currency": organisation.currency,
        "zone": organisation.billing_zone, "site": settings.SITE_URL,
    }  # fmt: skip
    send_text("budget_alert", to=organisation.email, context=context)
