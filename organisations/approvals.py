"""Four eyes: what one of the staff asks for is done when another approves it, in that transaction, exactly once.

Each kind of thing is registered by the app that does it (`register`, in `AppConfig.ready`), so nothing here knows one.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from common.clock import billing_now
from common.tenancy import platform
from organisations.errors import AlreadyDecided, CannotBeDone, FormSentBefore, MayNotDecide
from organisations.models import Approval, Organisation, User

LIFETIME = timedelta(hours=72)
# What two askings have in common that are the same.
CONTENT = ("kind", "organisation_id", "amount", "subject", "payload", "reason", "asked_by_id")
State = Approval.State


class Kind(NamedTuple):
    """Something that can be approved.

    `execute` does what `approval.payload` says and nothing else, keyed by `approval.action_key`, within the running
    transaction and the database alone; `approval.asked_by` and `.decided_by` are the two people. It returns in a
    sentence what was done, and raises `CannotBeDone` or `ValidationError` where that is impossible by now.
    `template` shows what of the payload the subject leaves out to the one who decides; it gets `approval`.
    """

    label: str
    execute: Callable[[Approval], str]
    template: str = ""


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Make `name` something that can be asked for."""
    _kinds[name] = kind


def kind_of(approval: Approval) -> Kind:
    """What was registered for the approval's kind."""
    return _kinds[approval.kind]


def ask(
    *,
    kind: str,
    subject: str,
    payload: dict[str, Any],
    reason: str,
    by: User,
    key: str,
    organisation: Organisation | None = None,
    amount: Decimal | None = None,
) -> Approval:
    """Ask for something that needs a second person; nothing is done yet.

    `subject`: in a few words what will be done. `payload`: all that is needed to do it, as plain JSON. `amount` is in
    the currency of `organisation`. `key` names the form that asks: the same one with the same content returns the first
    approval, with other content it raises `FormSentBefore`. Raises `MayNotDecide`, `ValidationError`.
    """
    if kind not in _kinds:
        raise ValueError(f"nobody registered {kind}")
    now = billing_now()
    asked = Approval(
        kind=kind, organisation=organisation, amount=amount, subject=subject, payload=payload, reason=reason.strip(),
        currency=organisation.currency if organisation and amount is not None else "", key=key, asked_by=by,
        asked_at=now, expires_at=now + LIFETIME,
    )  # fmt: skip
    with platform("write"):
        _acting(by)
        asked.full_clean(exclude={"key"})
        # Where two threads ask with one key, the loser waits for the winner's row and returns it.
        Approval.objects.bulk_create([asked], ignore_conflicts=True)
        first = Approval.objects.get(key=key)
    if any(getattr(first, name) != getattr(asked, name) for name in CONTENT):
        raise FormSentBefore(key)
    return first


def approve(*, approval_id: int, by: User, reason: str = "") -> Approval:
    """Approve what somebody else asked for, and do it: both or neither, once whoever approves how often at once.

    `reason` may say why. Raises `AlreadyDecided`; `MayNotDecide` for the one who asked and for who isn't finance or
    superuser, also where the one who asked no longer is; `CannotBeDone`, after which it still waits.
    """
    with platform("write"):
        approval = _locked(approval_id)
        if approval.asked_by_id == by.pk:
            raise MayNotDecide("You asked for this yourself: another person has to approve it.")
        _acting(by, approval.asked_by)
        approval.decided_by, approval.decision_reason = by, reason.strip()
        try:
            approval.result = kind_of(approval).execute(approval)
        except ValidationError as error:
            raise CannotBeDone(" ".join(error.messages)) from error
        return _decided(approval, State.APPROVED)


def refuse(*, approval_id: int, by: User, reason: str) -> Approval:
    """Refuse what somebody else asked for, for good. Raises `AlreadyDecided`, `MayNotDecide`, and `ValidationError`
    without a reason."""
    if not reason.strip():
        raise ValidationError({"reason": "Say why: the person who asked will read it."})
    with platform("write"):
        approval = _locked(approval_id)
        if approval.asked_by_id == by.pk:
            raise MayNotDecide("You asked for this yourself: withdraw it instead.")
        _acting(by)
        approval.decided_by, approval.decision_reason = by, reason.strip()
        return _decided(approval, State.REFUSED)


def withdraw(*, approval_id: int, by: User) -> Approval:
    """Take back what one asked for oneself. Raises `AlreadyDecided`, `MayNotDecide`."""
    with platform("write"):
        approval = _locked(approval_id)
        if approval.asked_by_id != by.pk:
            raise MayNotDecide("Somebody else asked for this: refuse it instead.")
        _acting(by)
        approval.decided_by = by
        return _decided(approval, State.WITHDRAWN)


def expire_old() -> int:
    """End what nobody decided in time; returns how many."""
    with platform("write"):
        now = billing_now()
        # A row that somebody approves at this moment is waited for, and looked at again after it.
        old = Approval.objects.filter(state=State.ASKED, expires_at__lte=now)
        return old.update(state=State.EXPIRED, decided_at=now)


def _locked(approval_id: int) -> Approval:
    """The approval with now as the moment of its decision; nobody else decides it before the transaction ends."""
    rows = Approval.objects.select_related("organisation", "asked_by").select_for_update(of=("self",))
    approval = rows.get(pk=approval_id)
    if approval.state != State.ASKED:
        raise AlreadyDecided(f"This was {approval.get_state_display().lower()} already.")
    approval.decided_at = billing_now()
    if approval.expires_at <= approval.decided_at:
        raise AlreadyDecided("This has expired: nobody decided it in time.")
    return approval


def _acting(*people: User) -> None:
    """Make sure that all of them may ask and decide, and go on to until the transaction ends.

    They are locked in one order: two people who approve each other's at once would wait for each other for ever.
    """
    ids = [person.pk for person in people]
    for person in User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"):
        if not (person.is_active and person.writes_money):
            raise MayNotDecide(f"{person.email} may not do this: it takes an active account of finance or a superuser.")


def _decided(approval: Approval, state: str) -> Approval:
    approval.state = state
    approval.save(update_fields=["state", "decided_by", "decided_at", "decision_reason", "result"])
    return approval
