"""Which usage is meant: names as people and agents give them, found in the database once."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Q

from organisations.models import Agent, Project
from providers.models import Model

MOST = 200  # characters of a name; longer ones exist nowhere


@dataclass(frozen=True)
class Filters:
    """Names that usage must have, "" where any will do."""

    model: str = ""  # provider/name
    provider: str = ""
    project: str = ""
    agent: str = ""
    member: str = ""  # what the call said as `user`: a label, which may be a member's e-mail address

    def named(self) -> dict[str, str]:
        """Those that are set, by kind."""
        return {kind: name for kind in KINDS if (name := getattr(self, kind))}


KINDS: tuple[str, ...] = tuple(field.name for field in fields(Filters))


@dataclass(frozen=True)
class Selection:
    """Rows of usage or of its sums that filters mean; none where a name is `unknown` (kinds)."""

    condition: Q
    unknown: tuple[str, ...] = ()


def select(organisation_id: int, filters: Filters) -> Selection:
    """Find what `filters` name, in the scope of the organisation."""
    condition, unknown = Q(), []
    for kind, name in filters.named().items():
        found = _FINDERS[kind](organisation_id, name) if _could_exist(name) else None
        if found is None:
            unknown.append(kind)
        else:
            condition &= found
    return Selection(Q(pk__in=[]) if unknown else condition, tuple(unknown))


def _could_exist(name: str) -> bool:
    # PostgreSQL takes no NUL and no half of a surrogate pair; any other label may have been a caller's.
    return len(name) <= MOST and not re.search("[\0\ud800-\udfff]", name)


def _model(organisation_id: int, name: str) -> Q | None:
    provider, _, model = name.partition("/")
    return _one_of("model_id__in", Model.objects.filter(provider__slug=provider, name=model))


def _provider(organisation_id: int, name: str) -> Q | None:
    return _one_of("model_id__in", Model.objects.filter(provider__slug=name))


def _project(organisation_id: int, name: str) -> Q | None:
    return _one_of("project_id__in", Project.objects.filter(organisation_id=organisation_id, slug=name))


def _agent(organisation_id: int, name: str) -> Q | None:
    return _one_of("agent_id__in", Agent.objects.filter(organisation_id=organisation_id, slug=name))


def _member(organisation_id: int, name: str) -> Q | None:
    return Q(user=name)


def _one_of(column: str, found: Any) -> Q | None:
    keys: Iterable[int] = list(found.values_list("pk", flat=True))
    return Q(**{column: keys}) if keys else None


_FINDERS: Mapping[str, Callable[[int, str], Q | None]] = {
    "model": _model, "provider": _provider, "project": _project, "agent": _agent, "member": _member,
}  # fmt: skip
