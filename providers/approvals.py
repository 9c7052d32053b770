"""Changed prices: asked for by one of the staff, written once another approves them (`organisations.approvals`)."""

from typing import Any

from django.conf import settings

from common.templatetags.figures import rate
from organisations.approvals import Kind, ask, register
from organisations.errors import CannotBeDone
from organisations.models import Approval, User
from organisations.selectors import waiting_approvals
from providers.entering import Entered, compared, enter_rate
from providers.errors import ImportRefused, RateRefused
from providers.importing.asking import Ask
from providers.importing.difference import Difference
from providers.importing.lines import applied, counted, groups, price
from providers.importing.services import apply_list

IMPORT, ENTER = "prices", "rate"
ANEW = "Refuse this; what there is now has to be asked for anew."


def ask_for_prices(found: Difference, *, accepted: bool, reason: str, key: str, by: User) -> Approval:
    """Ask for what `apply_list` would write of `found`; the digest in it keeps anything else from being written.

    Raises as `organisations.approvals.ask` does.
    """
    payload = {
        "ask": found.ask.stored(), "digest": found.digest, "accepted": accepted, "edition": found.edition,
        "changes": _changes(found),
        "models": [
            f"{a.provider}/{a.name}: class {a.access_class}, context {a.context:,}, at most {a.max_output:,} of output"
            for a in found.additions
        ],
        "aliases": [f"{alias.name} is {alias.provider}/{alias.model}" for alias in found.aliases],
    }  # fmt: skip
    subject = f"Import prices: {counted(found)}"
    return ask(kind=IMPORT, subject=subject, payload=payload, reason=reason, key=key, by=by)


def asked_already(found: Difference) -> Approval | None:
    """The approval that waits for exactly this difference."""
    return waiting_approvals().filter(kind=IMPORT, payload__digest=found.digest).first()


def ask_for_rate(entered: Entered, *, reason: str, key: str, by: User) -> Approval:
    """Ask for one rate that a person entered. Raises as `organisations.approvals.ask` does."""
    told = compared(entered)
    payload = {**entered.stored(), "compared_with": told.newest_id, "named": str(told.model), "old": told.old}
    old, new = (rate(amount, settings.CURRENCY) for amount in (told.old, entered.price))
    subject = f"Price of {told.model}, {entered.leaf.replace('_', ' ')}: {old} → {new}"
    return ask(kind=ENTER, subject=subject, payload=payload, reason=reason, key=key, by=by)


def _changes(found: Difference) -> list[dict[str, Any]]:
    """The rows that would be written, in the order of the import's page: what had to be accepted first."""
    return [
        {
            "what": line.what, "model": line.named, "leaf": line.leaf, "tier": line.tier, "requests": line.requests,
            "old": price(line.change.old), "new": price(line.change.new), "percent": line.percent,
            "begins": line.begins, "remarks": "; ".join(line.remarks), "alert": line.alert,
        }
        for _, lines in groups(found) for line in lines if line.change.written
    ]  # fmt: skip


def _import(approval: Approval) -> str:
    asked = approval.payload
    try:
        found = apply_list(
            Ask.restored(asked["ask"]), digest=asked["digest"], accepted=asked["accepted"],
            by=approval.asked_by, approved_by=approval.decided_by,
        )  # fmt: skip
    except ImportRefused as error:
        raise CannotBeDone(f"{error} {ANEW}") from error
    if found.empty:
        raise CannotBeDone("The price book has all of it already. Refuse this; there is nothing to do.")
    return applied(found)


def _enter(approval: Approval) -> str:
    entered, compared_with = Entered.restored(approval.payload), approval.payload["compared_with"]
    try:
        made = enter_rate(
            entered, compared_with=compared_with, by=approval.asked_by, approved_by=approval.decided_by
        )  # fmt: skip
    except RateRefused as error:
        raise CannotBeDone(f"{error} {ANEW}") from error
    return f"{made} has its new price from {made.effective_from:%-d %b %Y, %H:%M:%S} UTC on."


register(IMPORT, Kind("Prices", _import, "admin/providers/approval_prices.html"))
register(ENTER, Kind("Rate", _enter, "admin/providers/approval_rate.html"))
