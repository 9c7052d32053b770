"""Calls that were suspended since too much had to be absorbed: finance looks why, and clears them."""

from decimal import Decimal

from common import live
from common.tenancy import tenant
from organisations.models import Organisation, User
from wallets.models import OverrunClearance
from wallets.services.posting import locked, posting_time


def clear_overrun(*, organisation: Organisation, reason: str, by: User) -> None:
    """Let an organisation's calls go on, with a reason; the day's count of what was absorbed begins anew.

    Does nothing where they aren't suspended. Raises `ValidationError` without a reason.
    """
    with tenant(organisation.pk):
        wallet = locked(organisation.pk)
        if wallet.overrun_since is None:
            return
        cleared = OverrunClearance(
            organisation=organisation, suspended_at=wallet.overrun_since, absorbed=wallet.absorbed_today,
            reason=reason.strip(), cleared_by=by, cleared_at=posting_time(wallet),
        )  # fmt: skip
        cleared.full_clean()
        cleared.save()
        wallet.overrun_since, wallet.absorbed_today = None, Decimal(0)
        wallet.save(update_fields=["overrun_since", "absorbed_today"])
        live.changed_on_commit(organisation.pk)
