"""Taking much back of a bought lot: done once a second person has approved it (`organisations.approvals`)."""

from decimal import Decimal

from django.conf import settings

from common.money import plain
from common.templatetags.figures import money_text
from organisations.approvals import Kind, ask, register
from organisations.errors import CannotBeDone
from organisations.models import Approval, User
from wallets.models import ClawBack, Grant
from wallets.selectors import not_taken_back
from wallets.services import claw_back

CLAW_BACK = "claw_back"


def needs_second_person(amount: Decimal) -> bool:
    """Whether one person may not take so much back alone."""
    return amount > Decimal(settings.GRANT_LIMIT)


def ask_for_claw_back(*, lot: Grant, cause: str, amount: Decimal, reason: str, key: str, by: User) -> Approval:
    """Ask for what `claw_back` takes. Raises as `ask` does."""
    words = f"Take {money_text(amount, lot.organisation.currency)} of lot {lot.pk} back"
    payload = {"lot": lot.pk, "cause": cause, "amount": plain(amount), "reason": reason.strip()}
    return ask(
        kind=CLAW_BACK, subject=f"{words}: {ClawBack.Cause(cause).label.lower()}", payload=payload, amount=amount,
        organisation=lot.organisation, reason=reason, key=key, by=by,
    )  # fmt: skip


def _take_back(approval: Approval) -> str:
    asked, lot = approval.payload, Grant.objects.get(pk=approval.payload["lot"])
    amount = Decimal(asked["amount"])
    if (there := not_taken_back(lot)) < amount:
        left = money_text(there, approval.currency)
        raise CannotBeDone(f"Only {left} of the lot has not been taken back yet.")
    taken = claw_back(lot=lot, cause=asked["cause"], amount=amount, reason=asked["reason"], key=approval.action_key)
    return f"{money_text(taken.amount, approval.currency)} of the lot is taken back."


register(CLAW_BACK, Kind("Claw-back", _take_back))
