from celery import shared_task

from metering import expiry


@shared_task
def end_expired_holds() -> None:
    """Every 15 seconds."""
    expiry.end_expired_holds()
