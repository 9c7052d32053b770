"""A sandbox begins anew: its running calls are ended and its wallet holds the opening credits again."""

import uuid
from decimal import Decimal

from common.tenancy import tenant
from metering import ending, ledger
from metering.models import Call
from organisations.models import Organisation
from wallets import services as wallets
from wallets.models import Grant, Hold

CREDITS = Decimal(200)  # in the organisation's currency
_FLAG = "The sandbox started over while this call ran: usage is estimated."


def start_over(organisation: Organisation) -> Grant:
    """End a sandbox's running calls, take all its credits back and give it `CREDITS` anew, in one commit.

    Calls that had reported cost are settled by estimate, the others released; their agents learn it from a 409
    `already_ended`. Raises `ValueError` for an organisation that is no sandbox.
    """
    if not organisation.sandbox:
        raise ValueError("only a sandbox starts over")
    with tenant(organisation.pk):
        # Under the wallet's lock from the first look on: no call can begin or report between its end and the new grant.
        wallets.locked(organisation.pk)
        _end_running_calls(organisation.pk)
        return wallets.start_over(
            organisation=organisation, amount=CREDITS, reason="The sandbox started over", key=str(uuid.uuid4())
        )


def _end_running_calls(organisation_id: int) -> None:
    running = Call.objects.select_related("hold").filter(
        organisation_id=organisation_id, hold__organisation_id=organisation_id, hold__state=Hold.State.OPEN
    )
    idle = [ending.released(call, ended_by="call") for call in running if not call.hold.accrued]
    costly = [ending.estimated(call, ended_by="call", flag=_FLAG) for call in running if call.hold.accrued]
    if idle:
        ledger.release(idle)
    if costly:
        ledger.settle(costly)
