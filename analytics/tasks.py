from celery import shared_task

from analytics import expiry_mails


@shared_task
def mail_expiry_warnings() -> None:
    """Every five minutes: credits that expire within seven days are told by mail, once a lot."""
    expiry_mails.warn_of_expiry()
