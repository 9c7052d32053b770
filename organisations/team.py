"""What owners and admins do about members. Audited by the database, with the actor of the request."""

from django.contrib.auth.hashers import make_password

from common import live
from common.tenancy import tenant
from organisations.errors import AlreadyMember, LastOwner, RoleNotYours
from organisations.models import Member, Organisation, User
from organisations.rules import OWNER, may_set
from organisations.selectors import member_with_id
from organisations.services import add_member, change_role


def invite(*, by: Member, email: str, name: str, role: str) -> Member:
    """Make the person with this e-mail a member; who has no account gets one, still without a password.

    `name` counts for a new account only. Raises `RoleNotYours`, `AlreadyMember`, `StaffIsNeverMember`.
    """
    with tenant(by.organisation_id):
        _require(by, role)
        made = {"name": name, "password": make_password(None)}
        user, _ = User.objects.get_or_create(email=email.lower(), defaults=made)
        if Member.objects.filter(organisation_id=by.organisation_id, user=user).exists():
            raise AlreadyMember(user.email)
        return add_member(organisation=by.organisation, user=user, role=role)


def set_role(*, by: Member, member_id: int, role: str) -> Member:
    """Give a member another role. Raises `NotFound`, `RoleNotYours`, `LastOwner`."""
    with tenant(by.organisation_id):
        _require(by, role)
        member = member_with_id(by.organisation, member_id)
        _require(by, member.role)
        return change_role(member=member, role=role)


def remove(*, by: Member, member_id: int) -> Member:
    """End a membership at once; the account and the keys that the person issued stay. Raises as `set_role`."""
    with tenant(by.organisation_id):
        _require(by)
        member = member_with_id(by.organisation, member_id)
        _require(by, member.role)
        owners = Member.objects.filter(organisation_id=by.organisation_id, role=OWNER)
        if member.role == OWNER and not owners.exclude(pk=member.pk).exists():
            raise LastOwner(f"{member} is the only owner.")
        Member.objects.filter(pk=member.pk).delete()
        live.close_on_commit(by.organisation_id)
    return member


def _require(by: Member, *roles: str) -> None:
    # The organisation's row is locked before anything is read: of two owners who remove each other at once, the second
    # finds here that it is no member any more, and a role that was just taken away counts no longer.
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation_id)
    acting = Member.objects.filter(pk=by.pk).first()
    if acting is None or not may_set(acting.role, *roles):
        raise RoleNotYours()
