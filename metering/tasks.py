from celery import shared_task

from metering import expiry, rebuilding


@shared_task
def end_expired_holds() -> None:
    """Every 15 seconds."""
    expiry.end_expired_holds()


@shared_task
def rebuild_daily_usage() -> None:
    """Every night."""
    rebuilding.rebuild_latest()
