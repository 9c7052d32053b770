"""What of wallets is done only once a second person has approved it (`organisations.approvals`)."""

from decimal import Decimal

from common.money import plain
from common.templatetags.figures import money_text
from organisations.approvals import Kind, ask, register
from organisations.errors import CannotBeDone
from organisations.models import Approval, Organisation, User
from wallets.errors import GrantKeyReused
from wallets.models import Grant
from wallets.services import grant_credits

GRANT = "grant"


def ask_for_grant(
    *, organisation: Organisation, kind: str, amount: Decimal, reason: str, key: str, by: User
) -> Approval:
    """Ask for credits that one person may not give alone, with what `grant_credits` takes. Raises as `ask` does."""
    words = f"Give {money_text(amount, organisation.currency)} of {Grant.Kind(kind).label.lower()} credits"
    return ask(
        kind=GRANT, subject=words, amount=amount, organisation=organisation,
        payload={"kind": kind, "amount": plain(amount), "reason": reason.strip()}, reason=reason, key=key, by=by,
    )  # fmt: skip


def _give(approval: Approval) -> str:
    asked, organisation = approval.payload, approval.organisation
    assert organisation is not None  # `ask_for_grant` names one
    try:
        grant = grant_credits(
            organisation=organisation, kind=asked["kind"], amount=Decimal(asked["amount"]), reason=asked["reason"],
            key=approval.action_key, by=approval.asked_by, approved_by=approval.decided_by,
        )  # fmt: skip
    except GrantKeyReused as error:
        raise CannotBeDone("Credits were given for this approval before, and not the same.") from error
    return f"{grant.get_kind_display()} credits of {money_text(grant.amount, organisation.currency)} are given."


register(GRANT, Kind("Grant", _give, "admin/wallets/approval_grant.html"))
