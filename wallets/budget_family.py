"""No budget is above one that counts the same calls and more: an agent's not above its project's, and so on."""

from decimal import Decimal

from django.core.exceptions import ValidationError

from common.templatetags.figures import money_text
from organisations.models import Agent, ApiKey, Organisation
from wallets.budget_uses import names_of, subject_of
from wallets.models import Budget

Scope = Budget.Scope
WHOLE = "organisation:"


def require_fitting(organisation: Organisation, scope: str, target: str, period: str, amount: Decimal) -> None:
    """Raise `ValidationError` (of `amount`) where such a budget would be above one of the same period that includes it,
    or below one that it includes. The caller is inside the organisation's scope.

    Runs are included in the organisation alone, and hinder nobody from lowering that: there are many, long over.
    """
    running = Budget.objects.filter(organisation=organisation, period=period, ended_at=None)
    above = running.filter(subject__in=_parents(organisation, scope, target), amount__lt=amount).order_by("amount")
    if (parent := above.first()) is not None:
        raise _refused("This is above the budget of", organisation, parent)
    within = running.exclude(scope=Scope.RUN).filter(amount__gt=amount).order_by("-amount")
    child = next((b for b in within if f"{scope}:{target}" in _parents(organisation, b.scope, b.target)), None)
    if child is not None:
        raise _refused("This is below the budget of", organisation, child)


def _refused(how: str, organisation: Organisation, other: Budget) -> ValidationError:
    name = names_of(organisation, [other])[subject_of(other)]
    amount = money_text(other.amount, organisation.currency)
    period = "in total" if other.period == Budget.Period.TOTAL else f"a {other.period}"
    whole = "" if other.scope == Scope.ORGANISATION else f" {other.get_scope_display().lower()}"
    return ValidationError({"amount": f"{how}{whole} {name}, {amount} {period}. Change that one first."})


def _parents(organisation: Organisation, scope: str, target: str) -> list[str]:
    """The subjects that every call on this one is booked on, too."""
    if scope == Scope.ORGANISATION:
        return []
    if scope == Scope.AGENT:
        agent = Agent.objects.filter(organisation=organisation, pk=target).first()
        return [f"project:{agent.project_id}", WHOLE] if agent else [WHOLE]
    if scope == Scope.KEY:
        key = ApiKey.objects.filter(organisation=organisation, pk=target).first()
        bound = [("project", key.project_id), ("agent", key.agent_id)] if key else []
        # With `act_for` it may call for any other agent as well.
        own = [] if key is None or ApiKey.Scope.ACT_FOR in key.scopes else [f"{k}:{pk}" for k, pk in bound if pk]
        return [*own, WHOLE]
    return [WHOLE]
