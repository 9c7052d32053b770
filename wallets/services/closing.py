"""Lots that expire while nothing else happens to their wallet."""

from common import live
from common.clock import billing_now
from common.tenancy import platform, tenant
from wallets.models import Wallet
from wallets.services.posting import locked


def close_due_lots() -> int:
    """Post what has expired or is owed back in every wallet that is due; returns in how many. Safe to run at any time.

    A wallet's own operations do the same before anything else, so that nobody spends what has expired; this makes the
    books right where there are none.
    """
    with platform("read"):
        due = list(Wallet.objects.filter(due_at__lte=billing_now()).values_list("pk", flat=True))
    for organisation_id in due:
        with tenant(organisation_id):
            locked(organisation_id)
            live.changed_on_commit(organisation_id)
    return len(due)
