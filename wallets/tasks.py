from celery import shared_task

from wallets import verification
from wallets.models import VerificationRun


@shared_task
def verify_changes() -> None:
    """Every five minutes: what changed lately; finance sees the newest run in the admin."""
    verification.verify(VerificationRun.Scope.HOT)


@shared_task
def verify_ledger() -> None:
    """Every night: everything there is."""
    verification.verify(VerificationRun.Scope.FULL)
