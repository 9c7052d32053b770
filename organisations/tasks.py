from celery import shared_task

from organisations import approvals, last_used


@shared_task
def write_last_used() -> None:
    """Once a minute."""
    last_used.write()


@shared_task
def expire_approvals() -> None:
    """Every five minutes; what has expired can't be approved before this has noted it either."""
    approvals.expire_old()
