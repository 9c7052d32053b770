"""Writes: organisations, members, projects, agents, API keys. The audit trail is written by the database."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError

from common.clock import billing_now, zones
from common.tenancy import platform, tenant
from organisations import secrets
from organisations.errors import FormSentBefore, LastOwner, StaffIsNeverMember
from organisations.models import Agent, ApiKey, Member, Organisation, Project, User


class IssuedKey(NamedTuple):
    """A new key with its secret, which nobody can read again."""

    key: ApiKey
    secret: str


def create_organisation(
    *,
    name: str,
    slug: str,
    email: str,
    billing_zone: str = "UTC",
    currency: str = settings.CURRENCY,
    sandbox: bool = False,
) -> Organisation:
    """Make a tenant. `billing_zone` is an IANA name; raises `ValidationError` for bad fields or a slug in use."""
    organisation = Organisation(
        name=name, slug=slug, email=email, billing_zone=billing_zone, currency=currency, sandbox=sandbox
    )
    with platform("write"):
        if billing_zone not in zones():
            raise ValidationError({"billing_zone": f"{billing_zone} is not an IANA time zone."})
        organisation.full_clean()
        organisation.save()
    return organisation


def add_member(*, organisation: Organisation, user: User, role: str) -> Member:
    """Make `user` a member. Raises `StaffIsNeverMember`, and `ValidationError` for a bad or second role."""
    with tenant(organisation.pk):
        # Lock before looking: at the same moment a superuser may be making this person staff.
        if User.objects.select_for_update(no_key=True).get(pk=user.pk).is_staff:
            raise StaffIsNeverMember(f"{user.email} is platform staff.")
        member = Member(organisation=organisation, user=user, role=role)
        member.full_clean()
        member.save()
    return member


def change_role(*, member: Member, role: str) -> Member:
    """Give a member another role; raises `LastOwner` where nobody would own the organisation any more."""
    with tenant(member.organisation_id):
        # Lock the organisation's owners: two owners stepping down at once would each still see the other.
        owners = list(
            Member.objects.select_for_update(no_key=True)
            .filter(organisation_id=member.organisation_id, role=Member.Role.OWNER)
            .order_by("pk")
        )
        if role != Member.Role.OWNER and [o.pk for o in owners] == [member.pk]:
            raise LastOwner(f"{member} is the only owner.")
        member.role = role
        member.full_clean()
        member.save(update_fields=["role"])
    return member


def create_project(*, organisation: Organisation, name: str, slug: str) -> Project:
    """Make a project; raises `ValidationError` when the slug is taken within the organisation."""
    with tenant(organisation.pk):
        project = Project(organisation=organisation, name=name, slug=slug)
        project.full_clean()
        project.save()
    return project


def create_agent(*, project: Project, name: str, slug: str) -> Agent:
    """Make an agent in a project; raises `ValidationError` when the slug is taken within the organisation."""
    with tenant(project.organisation_id):
        agent = Agent(organisation_id=project.organisation_id, project=project, name=name, slug=slug)
        agent.full_clean()
        agent.save()
    return agent


def issue_api_key(
    *,
    organisation: Organisation,
    name: str,
    scopes: Iterable[str],
    project: Project | None = None,
    agent: Agent | None = None,
    by: User | None = None,
    expires_at: datetime | None = None,
    form_id: UUID | None = None,
) -> IssuedKey:
    """Make an API key and return its secret, which is not kept.

    A key with the scope `calls` needs `project` and `agent`: calls are booked on them. `by` is the person
    who issues it, None for the system. `expires_at` is aware. `form_id` names the form that asks: the same one sent
    again raises `FormSentBefore`. Raises `ValidationError`.
    """
    secret = secrets.new_secret(f"{organisation.pk} {form_id}" if form_id else "")
    with tenant(organisation.pk):
        if form_id:
            # Lock before looking: the second half of a double click would find nothing yet.
            Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
            if ApiKey.objects.filter(prefix=secret.prefix).exists():
                raise FormSentBefore(secret.prefix)
        if expires_at is not None and expires_at <= billing_now():
            raise ValidationError({"expires_at": "The key would already have expired."})
        key = ApiKey(
            organisation=organisation, project=project, agent=agent, name=name, scopes=sorted(set(scopes)),
            prefix=secret.prefix, digest=secret.digest, created_by=by, expires_at=expires_at,
        )  # fmt: skip
        key.full_clean()
        key.save()
    return IssuedKey(key, secret.text)


def revoke_api_key(*, key: ApiKey, by: User | None = None) -> ApiKey:
    """Revoke a key from this moment on. Calls that it opened may still be settled. Revoking again changes nothing."""
    with tenant(key.organisation_id):
        now = billing_now()
        ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now, revoked_by=by)
        key.refresh_from_db()
    return key


def suspend_organisation(*, organisation: Organisation, reason: str) -> Organisation:
    """Refuse new calls of an organisation from now on; `reason` is shown to staff and kept in the audit trail."""
    if not reason.strip():
        raise ValidationError({"reason": "Say why."})
    with tenant(organisation.pk):
        organisation.suspended_at, organisation.suspended_reason = billing_now(), reason.strip()
        organisation.save(update_fields=["suspended_at", "suspended_reason"])
    return organisation


def resume_organisation(*, organisation: Organisation) -> Organisation:
    """Let an organisation's keys authorise calls again."""
    with tenant(organisation.pk):
        organisation.suspended_at, organisation.suspended_reason = None, ""
        organisation.save(update_fields=["suspended_at", "suspended_reason"])
    return organisation
