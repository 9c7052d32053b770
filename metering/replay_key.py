"""An API key for one replay."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import close_old_connections

from common.clock import billing_now
from common.tenancy import platform
from organisations.models import Agent
from organisations.services import issue_api_key, revoke_api_key

# The key is revoked at the end; this is for a run that is killed.
_LIFE = timedelta(days=7)


class UnknownAgentError(LookupError):
    """No organisation, project and agent have these slugs."""


@contextmanager
def issued_key(organisation: str, project: str | None, agent: str | None) -> Iterator[str]:
    """A key that books calls on an agent, named by slugs (default: the organisation's first), until the block ends.

    Raises UnknownAgentError.
    """
    found = _agent(organisation, project, agent)
    with platform("read"):
        expires_at = billing_now() + _LIFE
    issued = issue_api_key(
        organisation=found.organisation,
        name="replay_usage",
        scopes=["calls", "read"],
        project=found.project,
        agent=found,
        expires_at=expires_at,
    )
    # PostgreSQL may be restarted while the block runs; revoking then opens a connection of its own.
    close_old_connections()
    try:
        yield issued.secret
    finally:
        revoke_api_key(key=issued.key)


def _agent(organisation: str, project: str | None, agent: str | None) -> Agent:
    wanted = {"organisation__slug": organisation, "project__slug": project, "slug": agent}
    given = {field: slug for field, slug in wanted.items() if slug}
    with platform("read"):
        found = Agent.objects.select_related("organisation", "project").filter(**given).order_by("pk").first()
    if found is None:
        words = ", ".join(f"{field} {slug}" for field, slug in given.items())
        raise UnknownAgentError(f"there is no agent with {words}")
    return found
