from celery import shared_task

from organisations import last_used


@shared_task
def write_last_used() -> None:
    """Once a minute."""
    last_used.write()
