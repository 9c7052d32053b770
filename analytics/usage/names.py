"""Names for people: whom a call's label means, and what a form offers to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q

from metering.filters import KINDS, Filters, Selection
from metering.periods import Period
from metering.sums import by
from organisations.models import Agent, Member, Organisation, Project

MOST = 200  # choices of a kind; whoever wants another one follows a link from a table, or writes the address


@dataclass(frozen=True)
class Choice:
    """One of the things a filter may be set to."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Chooser:
    """A filter of the form."""

    kind: str
    choices: list[Choice]


def member_names(organisation: Organisation) -> dict[str, str]:
    """Members' names by e-mail address: a call's `user` that is one of these means that member."""
    members = Member.objects.filter(organisation=organisation).select_related("user")
    return {member.user.email: str(member.user) for member in members}


def choosers(organisation: Organisation, period: Period, filters: Filters, people: Mapping[str, str]) -> list[Chooser]:
    """What each filter can be set to: models, providers and members with usage in the period; every project and agent.

    What is chosen already is always among them.
    """
    everything = Selection(Q())
    projects = Project.objects.filter(organisation=organisation).order_by("name")
    agents = Agent.objects.filter(organisation=organisation).order_by("name")
    used = {kind: by(kind, organisation.pk, period, everything, MOST) for kind in ("model", "provider", "member")}
    offered = {
        "model": sorted((group.key, group.name) for group in used["model"]),
        "provider": sorted((group.key, group.name) for group in used["provider"]),
        "project": list(projects.values_list("slug", "name")[:MOST]),
        "agent": list(agents.values_list("slug", "name")[:MOST]),
        "member": sorted((group.key, people.get(group.key, group.key)) for group in used["member"] if group.key),
    }
    chosen = filters.named()
    return [Chooser(kind, _choices(offered[kind], chosen.get(kind, ""))) for kind in KINDS]


def _choices(offered: list[tuple[str, str]], chosen: str) -> list[Choice]:
    missing = [(chosen, chosen)] if chosen and chosen not in dict(offered) else []
    return [Choice(value, label, value == chosen) for value, label in [*missing, *offered]]
