"""What was used and charged: by day, model, agent and more, down to the single request, and as a file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from analytics.page import Page, member_of, organisation_page
from analytics.usage.asked import Asked, read
from analytics.usage.controls import controls
from analytics.usage.export import lines, plan
from analytics.usage.figures import figures
from analytics.usage.names import choosers, member_names
from analytics.usage.place import Place, WrongPlace, read_place
from analytics.usage.requests import requests_page
from analytics.usage.words import change_sentence, percent_text, period_text
from common.clock import billing_day, billing_now
from common.tenancy import tenant
from metering.filters import Selection, select
from metering.periods import read_period
from metering.sums import totals


@dataclass(frozen=True)
class _View:
    """What both pages know before they read figures."""

    page: Page
    asked: Asked
    selection: Selection
    people: Mapping[str, str]
    now: datetime
    today: date

    def render(self, template: str, **context: Any) -> HttpResponse:
        """The page; without a usable period its form alone, with what is wrong, as 422."""
        organisation, asked, period = self.page.organisation, self.asked, self.asked.period
        offered = choosers(organisation, period or read_period(today=self.today), asked.filters, self.people)
        return self.page.render(
            template, status=200 if period and not context.get("wrong") else 422, asked=asked,
            controls=controls(asked, self.selection, offered, self.people),
            period=period, period_words=period_text(period) if period else "", **context,
        )  # fmt: skip


@require_safe
@login_required
def usage(request: HttpRequest, slug: str) -> HttpResponse:
    """Figures of a period, compared by one dimension."""
    with _view(request, slug) as view:
        if better := _shorter(request, view.asked):
            return redirect(better)
        organisation, period = view.page.organisation, view.asked.period
        if period is None:
            return view.render("pages/usage.html")
        found = figures(
            organisation, view.asked, period, view.selection, now=view.now, today=view.today, people=view.people
        )
        return view.render(
            "pages/usage.html", figures=found,
            days=[(bar, view.asked.but(day=bar.day.isoformat())) for bar in found.chart.bars],
            change=change_sentence(found.all.charge, found.table.before.charge, len(period)),
            top_share=percent_text(found.top_agent.sums.charge, found.all.charge) if found.top_agent else "",
        )  # fmt: skip


@require_safe
@login_required
def requests(request: HttpRequest, slug: str) -> HttpResponse:
    """The requests themselves, newest first."""
    with _view(request, slug) as view:
        if better := _shorter(request, view.asked):
            return redirect(better)
        organisation, asked, period = view.page.organisation, view.asked, view.asked.period
        if period is None:
            return view.render("pages/usage_requests.html")
        try:
            older, newer = _places(asked)
        except WrongPlace:
            return view.render("pages/usage_requests.html", wrong=asked.whole)
        found = requests_page(organisation.pk, period, view.selection, older, newer)
        return view.render(
            "pages/usage_requests.html", found=found,
            rows=[(record, view.people.get(record.user, record.user)) for record in found.rows],
            all=totals(organisation.pk, period, view.selection),
            newest=asked.whole, newer=asked.but(newer=str(found.first)) if found.rows and found.newer else "",
            older=asked.but(older=str(found.last)) if found.rows and found.older else "",
        )  # fmt: skip


@require_safe
@login_required
def usage_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The same requests, all of them, as a file."""
    organisation = member_of(request, slug).organisation
    with tenant(organisation.pk, snapshot=True):
        asked = read(request.GET, billing_day(billing_now(), organisation.billing_zone))
        if asked.period is None:
            return HttpResponse("\n".join(asked.errors.values()), status=422, content_type="text/plain; charset=utf-8")
        export = plan(organisation, asked.period, select(organisation.pk, asked.filters))
    name = f"usage-{organisation.slug}-{asked.period.first}-to-{asked.period.last}.csv"
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    return StreamingHttpResponse(lines(export), headers=headers)


@contextmanager
def _view(request: HttpRequest, slug: str) -> Iterator[_View]:
    with organisation_page(request, slug) as page:
        now = billing_now()
        today = billing_day(now, page.organisation.billing_zone)
        asked = read(request.GET, today)
        selection = select(page.organisation.pk, asked.filters)
        yield _View(page, asked, selection, member_names(page.organisation), now, today)


def _shorter(request: HttpRequest, asked: Asked) -> str:
    """The address without the empty fields that a form sends, if it has any; else ""."""
    return "" if dict(request.GET.items()) == asked.given or asked.errors else f"{request.path}{asked.address}"


def _places(asked: Asked) -> tuple[Place | None, Place | None]:
    """Where the page begins below and ends above, at most one of them. Raises `WrongPlace`."""
    if {"older", "newer"} <= set(asked.given):
        raise WrongPlace
    older, newer = (read_place(asked.given[name]) if name in asked.given else None for name in ("older", "newer"))
    return older, newer
