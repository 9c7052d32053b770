"""Mails to people: plain text out of templates, never while a transaction is open."""

from typing import Any

from django.core.mail import send_mail
from django.db import connection
from django.template.loader import render_to_string


def send_text(name: str, *, to: str, context: dict[str, Any]) -> None:
    """Send `mail/<name>_subject.txt` and `mail/<name>_message.txt`.

    Raises `OSError` (as all of smtplib's errors are) where no mail can be sent, and `RuntimeError` inside a
    transaction: a slow mail server must hold no lock.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a mail is sent outside of any transaction")
    subject = " ".join(render_to_string(f"mail/{name}_subject.txt", context).split())  # one line, whatever is in it
    send_mail(subject, render_to_string(f"mail/{name}_message.txt", context), None, [to])
