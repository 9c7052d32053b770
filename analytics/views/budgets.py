"""An organisation's budgets: every member sees how far they are used, owners and admins set, change and end them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from analytics.page import Page, member_of, organisation_page
from analytics.sections import MANAGERS
from common.forms import attempt
from common.money import plain
from common.templatetags.figures import money_text
from common.tenancy import tenant
from organisations.forms import ConfirmForm
from organisations.models import Member, Organisation
from wallets.budget_family import require_fitting
from wallets.budget_forms import BudgetForm, SetBudgetForm, require_new
from wallets.budget_uses import RUNS_SHOWN, BudgetUse, budget_use, budget_uses
from wallets.models import Budget
from wallets.services import end_budget, set_budget

form_page = require_http_methods(["GET", "HEAD", "POST"])
Scope = Budget.Scope


@require_safe
@login_required
def budgets(request: HttpRequest, slug: str) -> HttpResponse:
    """The running budgets by scope, with what is used, held and left."""
    with organisation_page(request, slug) as page:
        return page.render(
            "pages/budgets.html", groups=_grouped(budget_uses(page.organisation)), most_runs=RUNS_SHOWN,
            manages=page.member.role in MANAGERS, zone=page.organisation.billing_zone,
            currency=page.organisation.currency,
        )  # fmt: skip


@form_page
@login_required
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Set a budget. The same form sent twice sets one."""
    acting = member_of(request, slug, MANAGERS)
    with tenant(acting.organisation_id, snapshot=True):
        form = SetBudgetForm(_data(request), organisation=acting.organisation)
        checked = attempt(form, lambda data: _checked(acting, {**form.about(), **form.terms()}))
    if checked is not None and (made := attempt(form, lambda data: _set(acting, checked))):
        messages.success(request, f"The budget of {_words(made, acting.organisation)} is set.")
        return redirect("analytics:budgets", slug=slug)
    with organisation_page(request, slug, MANAGERS) as page:
        return page.form(
            form, title="Set a budget", submit="Set the budget", back=reverse("analytics:budgets", args=[slug]),
            intro="What calls may cost in a period. It counts from the period's beginning: what was charged in it"
            " already, and what running calls hold, is part of it.",
        )  # fmt: skip


@form_page
@login_required
def budget(request: HttpRequest, slug: str, budget_id: int) -> HttpResponse:
    """Change one."""
    acting = member_of(request, slug, MANAGERS)
    with tenant(acting.organisation_id, snapshot=True):
        found = _found(acting.organisation, budget_id)
        about = {name: getattr(found.budget, name) for name in ("scope", "target", "period")}
        form = BudgetForm(_data(request), organisation=acting.organisation, initial=_initial(found.budget))
        checked = attempt(form, lambda data: _fitting(acting, {**about, **form.terms()}))
    if checked is not None and (made := attempt(form, lambda data: _set(acting, checked))):
        messages.success(request, f"The budget is {_words(made, acting.organisation)} now.")
        return redirect("analytics:budgets", slug=slug)
    with _page_of(request, slug, budget_id) as (page, use):
        return page.render(
            "pages/budget.html", form=form, use=use, zone=page.organisation.billing_zone,
            currency=page.organisation.currency, status=422 if form.errors else 200,
        )  # fmt: skip


@form_page
@login_required
def end(request: HttpRequest, slug: str, budget_id: int) -> HttpResponse:
    """End one, after a page that asks."""
    acting = member_of(request, slug, MANAGERS)
    form = ConfirmForm(_data(request))
    if form.is_valid():
        with tenant(acting.organisation_id):
            found = Budget.objects.filter(organisation=acting.organisation, pk=budget_id).first()
        if found is None:
            raise Http404
        end_budget(found)  # one that has ended already stays as it is
        messages.success(request, f"The budget of {_words(found, acting.organisation)} has ended.")
        return redirect("analytics:budgets", slug=slug)
    with _page_of(request, slug, budget_id) as (page, use):
        return page.form(
            form, title=f"End the budget of {use.name}?", submit="End the budget", danger=True,
            back=reverse("analytics:budget", args=[slug, budget_id]), facts=_facts(page, use),
            intro="From then on it neither stops nor counts a call. What it counted stays in the books.",
        )  # fmt: skip


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _found(organisation: Organisation, budget_id: int) -> BudgetUse:
    use = budget_use(organisation, budget_id)
    if use is None:  # of another organisation, ended, or none at all
        raise Http404
    return use


@contextmanager
def _page_of(request: HttpRequest, slug: str, budget_id: int) -> Iterator[tuple[Page, BudgetUse]]:
    with organisation_page(request, slug, MANAGERS) as page:
        yield page, _found(page.organisation, budget_id)


def _checked(acting: Member, asked: dict[str, Any]) -> dict[str, Any]:
    require_new(acting.organisation, asked)
    return _fitting(acting, asked)


def _fitting(acting: Member, asked: dict[str, Any]) -> dict[str, Any]:
    about = (asked["scope"], asked["target"], asked["period"])
    require_fitting(acting.organisation, *about, asked["amount"])
    return asked


def _set(acting: Member, asked: dict[str, Any]) -> Budget:
    return set_budget(organisation=acting.organisation, **asked)


def _initial(found: Budget) -> dict[str, Any]:
    amount = plain(found.amount).rstrip("0").rstrip(".")
    return {"amount": amount, "stops": "yes" if found.hard else "no", "alert_percent": found.alert_percent}


def _grouped(uses: list[BudgetUse]) -> list[tuple[str, list[BudgetUse]]]:
    groups: dict[str, list[BudgetUse]] = {}
    for use in uses:
        groups.setdefault(use.budget.scope, []).append(use)
    return [(GROUPS[Scope(scope)], rows) for scope, rows in groups.items()]


GROUPS = {
    Scope.ORGANISATION: "Organisation",
    Scope.PROJECT: "Projects",
    Scope.AGENT: "Agents",
    Scope.MEMBER: "Members",
    Scope.KEY: "API keys",
    Scope.RUN: "Runs",
}


def _words(found: Budget, organisation: Organisation) -> str:
    period = "in total" if found.period == Budget.Period.TOTAL else f"a {found.period}"
    return f"{money_text(found.amount, organisation.currency)} {period}"


def _facts(page: Page, use: BudgetUse) -> list[tuple[str, str]]:
    currency = page.organisation.currency
    return [
        ("Budget", _words(use.budget, page.organisation)), ("Used", money_text(use.used, currency)),
        ("Held", money_text(use.held, currency)),
    ]  # fmt: skip
