"""What of wallets is done only once a second person has approved it (`organisations.approvals`)."""

from datetime import datetime
from decimal import Decimal

from common.money import plain
from common.templatetags.figures import money_text
from organisations.approvals import Kind, ask, register
from organisations.errors import CannotBeDone
from organisations.models import Approval, Organisation, User
from wallets.errors import GrantKeyReused, NotAvailable
from wallets.models import Grant
from wallets.services import adjust, grant_credits

GRANT, ADJUSTMENT = "grant", "adjustment"


def ask_for_grant(
    *,
    organisation: Organisation,
    kind: str,
    amount: Decimal,
    reason: str,
    key: str,
    by: User,
    expires_at: datetime | None = None,
) -> Approval:
    """Ask for credits that one person may not give alone, with what `grant_credits` takes. Raises as `ask` does."""
    until = f", until {expires_at:%-d %b %Y, %H:%M:%S} UTC" if expires_at else ""
    credits = f"{money_text(amount, organisation.currency)} of {Grant.Kind(kind).label.lower()} credits"
    payload = {
        "kind": kind, "amount": plain(amount), "reason": reason.strip(),
        "expires_at": expires_at.isoformat() if expires_at else None,
    }  # fmt: skip
    return ask(
        kind=GRANT, subject=f"Give {credits}{until}", payload=payload, amount=amount, organisation=organisation,
        reason=reason, key=key, by=by,
    )  # fmt: skip


def ask_for_adjustment(*, organisation: Organisation, amount: Decimal, reason: str, key: str, by: User) -> Approval:
    """Ask for a correction that one person may not make alone, with what `adjust` takes. Raises as `ask` does."""
    words = "Add" if amount > 0 else "Take"
    subject = f"{words} {money_text(abs(amount), organisation.currency)} as an adjustment"
    payload = {"amount": plain(amount), "reason": reason.strip()}
    return ask(
        kind=ADJUSTMENT, subject=subject, payload=payload, amount=amount, organisation=organisation, reason=reason,
        key=key, by=by,
    )  # fmt: skip


def _give(approval: Approval) -> str:
    asked, organisation = approval.payload, _organisation(approval)
    expires_at = datetime.fromisoformat(asked["expires_at"]) if asked["expires_at"] else None
    try:
        grant = grant_credits(
            organisation=organisation, kind=asked["kind"], amount=Decimal(asked["amount"]), reason=asked["reason"],
            expires_at=expires_at, key=approval.action_key, by=approval.asked_by, approved_by=approval.decided_by,
        )  # fmt: skip
    except GrantKeyReused as error:
        raise CannotBeDone("Credits were given for this approval before, and not the same.") from error
    return f"{grant.get_kind_display()} credits of {money_text(grant.amount, organisation.currency)} are given."


def _adjust(approval: Approval) -> str:
    asked, organisation = approval.payload, _organisation(approval)
    try:
        made = adjust(
            organisation=organisation, amount=Decimal(asked["amount"]), reason=asked["reason"],
            key=approval.action_key, by=approval.asked_by, approved_by=approval.decided_by,
        )  # fmt: skip
    except NotAvailable as error:
        there = money_text(error.available, organisation.currency)
        raise CannotBeDone(f"Only {there} is available now, so that much can't be taken.") from error
    except GrantKeyReused as error:
        raise CannotBeDone("An adjustment was made for this approval before, and not the same.") from error
    done = "added" if made.amount > 0 else "taken"
    return f"{money_text(abs(made.amount), organisation.currency)} is {done}."


def _organisation(approval: Approval) -> Organisation:
    assert approval.organisation is not None  # whoever asks for something of a wallet names one
    return approval.organisation


register(GRANT, Kind("Grant", _give))
register(ADJUSTMENT, Kind("Adjustment", _adjust))
