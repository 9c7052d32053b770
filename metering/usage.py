"""Usage summed for callers of the API: the question in the query, and the answer."""

from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Q
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from common.clock import billing_day, billing_now
from common.problems import InvalidFields
from metering import answers
from metering.filters import KINDS, Filters, Selection, select
from metering.periods import MOST_DAYS, Period, WrongPeriod, read_period
from metering.sums import DIMENSIONS, Group, Sums, by, total
from organisations.models import ApiKey, Organisation

_WORDS = {
    "from": "First local day, such as 2026-11-01. Absent: the last 30 days.",
    "to": f"Last local day, included; at most {MOST_DAYS} days in all. Absent: today.",
    "model": "Only this model, as `provider/name`.",
    "provider": "Only this provider.",
    "project": "Only this project, by slug.",
    "agent": "Only this agent, by slug.",
    "member": "Only calls with this label as their `user`.",
}
QUERY = (
    *(OpenApiParameter(name, str, OpenApiParameter.QUERY, description=words) for name, words in _WORDS.items()),
    OpenApiParameter(
        "by", str, OpenApiParameter.QUERY, enum=list(DIMENSIONS), default="model", description="What to sum by."
    ),
)


class Question(NamedTuple):
    """What a caller wants to know; the days are still text."""

    first: str
    last: str
    by: str
    filters: Filters


def read_question(given: QueryDict) -> Question:
    """Read a query string. Raises `InvalidFields` for a name that means nothing here or is there twice."""
    for name, values in given.lists():
        if name not in _WORDS and name != "by":
            raise _invalid(name, f"There is no {name[:40]!r} to ask for.")
        if len(values) > 1:
            raise _invalid(name, f"{name} is there more than once.")
    question = Question(
        given.get("from", ""), given.get("to", ""), given.get("by", "model"),
        Filters(**{kind: given.get(kind, "") for kind in KINDS}),
    )  # fmt: skip
    if question.by not in DIMENSIONS:
        raise _invalid("by", f"Usage is summed by one of {', '.join(DIMENSIONS)}.")
    return question


def usage_for(key: ApiKey, question: Question) -> answers.UsageSums:
    """The sums, in a snapshot's scope; a key without `read` sees its own project and agent only.

    Raises `InvalidFields` for what is no period, and for names that there are none of (that the key may see).
    """
    organisation, now = key.organisation, billing_now()
    period = _period(question, billing_day(now, organisation.billing_zone))
    groups = by(question.by, organisation.pk, period, _visible(key, question.filters))
    return _answer(organisation, period, question.by, groups, answers.moment(now))


def _period(question: Question, today: date) -> Period:
    try:
        return read_period(today=today, first=question.first, last=question.last)
    except WrongPeriod as error:
        raise _invalid(error.field, str(error)) from None


def _visible(key: ApiKey, filters: Filters) -> Selection:
    """What the filters mean, of what the key may see; another agent looks to it as if there were none."""
    selection, hidden = select(key.organisation_id, filters), []
    if not {ApiKey.Scope.READ, ApiKey.Scope.ACT_FOR} & set(key.scopes):
        assert key.project is not None and key.agent is not None  # noqa: PT018  (a CHECK binds keys for calls)
        hidden = [
            kind
            for kind, own in (("project", key.project.slug), ("agent", key.agent.slug))
            if filters.named().get(kind, own) != own
        ]
        own_only = Q(project_id=key.project_id, agent_id=key.agent_id)
        selection = replace(selection, condition=selection.condition & own_only)
    for kind in (*hidden, *selection.unknown):
        raise _invalid(kind, f"There is no {kind} {filters.named()[kind][:60]!r}.")
    return selection


def _answer(
    organisation: Organisation, period: Period, dimension: str, groups: list[Group], as_of: str
) -> answers.UsageSums:
    return answers.UsageSums(
        first_day=period.first.isoformat(),
        last_day=period.last.isoformat(),
        zone=organisation.billing_zone,
        by=dimension,
        groups=[answers.UsageGroup(**_figures(group.sums), key=group.key, name=group.name) for group in groups],
        total=answers.UsageFigures(**_figures(total(group.sums for group in groups))),
        currency=organisation.currency,
        as_of=as_of,
    )


def _figures(sums: Sums) -> dict[str, Any]:
    return {
        "requests": sums.requests, "estimated": sums.estimated, "input_tokens": sums.input_tokens,
        "cached_tokens": sums.cached_tokens, "output_tokens": sums.output_tokens, "list_cost": f"{sums.list_cost:.9f}",
        "charged": f"{sums.charge:.9f}", "absorbed": f"{sums.absorbed:.9f}",
    }  # fmt: skip


def _invalid(name: str, message: str) -> InvalidFields:
    return InvalidFields(message, errors=[{"field": name, "message": message}])
