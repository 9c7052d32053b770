"""Reads, each through the actor it is for. Another tenant's object is the same as none."""

from datetime import datetime

from django.db.models import DateTimeField, Func, QuerySet

from common.clock import billing_now
from common.problems import NotFound
from common.tenancy import platform
from organisations.models import ApiKey, Approval, Member, Organisation, User

KEYS_SHOWN = 200


def billed_organisations() -> QuerySet[Organisation]:
    """Every organisation but the sandboxes: what sums and lists across organisations are made of, without exception."""
    return Organisation.objects.filter(sandbox=False)


def sandboxes() -> QuerySet[Organisation]:
    """The organisations that no sum and no list has unless somebody asks for them by name."""
    return Organisation.objects.filter(sandbox=True)


def waiting_approvals() -> QuerySet[Approval]:
    """What can be approved now, sandboxes' too, what expires soonest first."""
    now = Func(function="billing_now", output_field=DateTimeField())
    waiting = Approval.objects.filter(state=Approval.State.ASKED, expires_at__gt=now)
    return waiting.select_related("organisation", "asked_by").order_by("expires_at", "pk")


def approvals_to_decide() -> QuerySet[Approval]:
    """What waits for a second person, without what is about sandboxes."""
    return waiting_approvals().exclude(organisation__in=sandboxes())


def find_api_key(prefix: str) -> ApiKey | None:
    """The key with this prefix, with its organisation, project and agent; one of two reads before a tenant is known."""
    with platform("read"):
        return ApiKey.objects.select_related("organisation", "project", "agent").filter(prefix=prefix).first()


def my_organisations(user: User) -> list[Member]:
    """The memberships of `user` with their organisations; the other read before a tenant is known."""
    with platform("read"):
        return list(Member.objects.select_related("organisation").filter(user=user).order_by("organisation__name"))


def membership(user: User, slug: str) -> Member:
    """The membership of `user` in the organisation `slug`; raises `NotFound` for others' and unknown ones alike."""
    found = next((m for m in my_organisations(user) if m.organisation.slug == slug), None)
    if found is None:
        raise NotFound()
    return found


def members_of(organisation: Organisation) -> list[Member]:
    """The organisation's members with their accounts, owners first, then by role and name."""
    rank = list(Member.Role.values).index
    members = Member.objects.select_related("user").filter(organisation=organisation)
    return sorted(members, key=lambda m: (rank(m.role), str(m.user).casefold(), m.pk))


def member_with_id(organisation: Organisation, member_id: int) -> Member:
    """A member of the organisation with their account; raises `NotFound`."""
    found = Member.objects.select_related("user").filter(organisation=organisation, pk=member_id).first()
    if found is None:
        raise NotFound()
    return found


def key_with_id(organisation: Organisation, key_id: int) -> ApiKey:
    """An API key of the organisation with what it is bound to; raises `NotFound`."""
    found = ApiKey.objects.select_related("project", "agent").filter(organisation=organisation, pk=key_id).first()
    if found is None:
        raise NotFound()
    return found


def keys_of(organisation: Organisation) -> list[ApiKey]:
    """The organisation's newest API keys, newest first, with what they are bound to."""
    keys = ApiKey.objects.select_related("project", "agent", "created_by").filter(organisation=organisation)
    return list(keys.order_by("-pk")[:KEYS_SHOWN])


def is_in_force(key: ApiKey, now: datetime | None = None) -> bool:
    """Whether the key is neither revoked nor expired at `now` (aware; default: the billing clock)."""
    if key.revoked_at is not None:
        return False
    return key.expires_at is None or key.expires_at > (now or billing_now())
