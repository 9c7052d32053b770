"""Reads, each through the actor it is for. Another tenant's object is the same as none."""

from datetime import datetime

from common.clock import billing_now
from common.problems import NotFound
from common.tenancy import platform
from organisations.models import ApiKey, Member, User


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


def is_in_force(key: ApiKey, now: datetime | None = None) -> bool:
    """Whether the key is neither revoked nor expired at `now` (aware; default: the billing clock)."""
    if key.revoked_at is not None:
        return False
    return key.expires_at is None or key.expires_at > (now or billing_now())
