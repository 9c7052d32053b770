from celery import shared_task

from wallets import alerts, services, verification
from wallets.models import VerificationRun


@shared_task
def verify_changes() -> None:
    """Every five minutes: what changed lately; finance sees the newest run in the admin."""
    verification.verify(VerificationRun.Scope.HOT)


@shared_task
def verify_ledger() -> None:
    """Every night: everything there is."""
    verification.verify(VerificationRun.Scope.FULL)


@shared_task
def close_due_lots() -> None:
    """Every minute: credits that have expired leave their wallets."""
    services.close_due_lots()


@shared_task
def mail_budget_alerts() -> None:
    """Every minute: a budget that reached its alert is told by mail, at most once a period."""
    alerts.mail_alerts()
