"""The mail that warns of credits that expire in seven days: once for each lot."""

from datetime import timedelta
from typing import NamedTuple

import structlog
from django.conf import settings

from analytics.expiring import Expiring, expiring_soon
from analytics.runway import BurnRate
from common.clock import billing_now
from common.mail import send_text
from common.tenancy import platform
from organisations.models import Organisation
from organisations.selectors import billed_organisations
from wallets.models import Grant

AHEAD = timedelta(days=7)
log = structlog.get_logger("expiry")


class Warned(NamedTuple):
    """What a mail says."""

    organisation: Organisation
    lot: Expiring
    rate: BurnRate


def warn_of_expiry() -> int:
    """Mail the organisations of all lots with something left that expire within seven days; returns how many mails.

    A lot is marked in a short transaction of its own and the mail sent after it: at most once. A crash in between loses
    the mail, but never sends it again and again; the pages warn for fourteen days as well. Where the mail server
    refuses, the mark is taken back, and the next run tries again.
    """
    sent = 0
    while (warned := _claim()) is not None:
        organisation = warned.organisation
        context = {
            "organisation": organisation, "lot": warned.lot.lot, "left_then": warned.lot.left_then,
            "rate": warned.rate, "currency": organisation.currency, "zone": organisation.billing_zone,
            "site": settings.SITE_URL,
        }  # fmt: skip
        try:
            send_text("credits_expire", to=organisation.email, context=context)
        except OSError:
            log.exception("warning of expiry not sent", lot=warned.lot.lot.pk)
            _mark(warned.lot.lot, again=True)
            return sent
        sent += 1
    return sent


def _claim() -> Warned | None:
    with platform("write"):
        now = billing_now()
        due = Grant.objects.filter(
            expires_at__gt=now, expires_at__lte=now + AHEAD, expiry_mailed_at=None, remaining__gt=0,
            organisation__in=billed_organisations(),
        )  # fmt: skip
        # Another worker's, or one that a call is charged to at this moment, is left for later.
        locked = due.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("organisation")
        lot = locked.order_by("expires_at", "pk").first()
        if lot is None:
            return None
        _mark(lot)
        found = expiring_soon(lot.organisation, now, within=AHEAD)
        assert found is not None  # this lot is one of them
        return Warned(lot.organisation, next(e for e in found.lots if e.lot.pk == lot.pk), found.rate)


def _mark(lot: Grant, *, again: bool = False) -> None:
    with platform("write"):
        Grant.objects.filter(pk=lot.pk).update(expiry_mailed_at=None if again else billing_now())
