"""An organisation's live page: complete without JavaScript, kept fresh by a stream where there is some."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_safe

from analytics import simulation
from analytics.chart import Drawing, draw
from analytics.hub import Hub
from analytics.live import CURVE_STEPS, Live
from analytics.live import live as live_figures
from analytics.page import member_of, organisation_page
from analytics.words import headline, pace
from common.templatetags.figures import tick
from common.tenancy import tenant
from organisations.models import Organisation

PARTS = ("banner", "pill", "asof", "wallet", "figures", "curve", "models", "feed")
STREAM_SECONDS = 60  # then the browser connects, and identifies itself, again: it may be signed out by now


@require_safe
@login_required
def live(request: HttpRequest, slug: str) -> HttpResponse:
    """The page as it is now."""
    switches = simulation.state(member_of(request, slug).organisation)  # before the snapshot: it asks another server
    with organisation_page(request, slug) as page:
        figures = live_figures(page.organisation)
        return page.render("pages/live.html", simulation=switches, **_context(figures))


@require_GET  # a HEAD would wait for the end of the stream, and whoever shares its connection with it
@login_required
def stream(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """The same figures as server-sent events: all on connecting, then what changes, at most twice a second."""
    member = member_of(request, slug)
    # A stream lives for minutes: it must not keep one of the pool's few connections.
    connection.close()
    response = StreamingHttpResponse(_events(member.organisation_id), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # a proxy would collect events before it passes them on
    return response


async def _events(organisation_id: int) -> AsyncIterator[bytes]:
    deadline = asyncio.get_running_loop().time() + STREAM_SECONDS
    yield b"retry: 2000\n\n"
    async for parts in _HUB.watch(organisation_id):
        yield b"".join(_event(name, text) for name, text in parts.items())
        if asyncio.get_running_loop().time() > deadline:
            return


def _event(name: str, text: str) -> bytes:
    # A line break inside would end the event's data; an empty part is sent, too: it clears what was there.
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip()) or "data:\n"
    return f"event: {name}\n{lines}\n".encode()


def _read_parts(organisation_id: int) -> Mapping[str, str]:
    try:
        with tenant(organisation_id, snapshot=True):
            context = _context(live_figures(Organisation.objects.get(pk=organisation_id)))
            return {part: render_to_string(f"live/{part}.html", context) for part in PARTS}
    finally:
        connection.close()


def _context(figures: Live) -> dict[str, Any]:
    zone = figures.organisation.billing_zone
    return {
        "live": figures,
        "organisation": figures.organisation,
        "standing": figures.standing,
        "currency": figures.organisation.currency,
        "zone": zone,
        "headline": headline(figures),
        "ask": settings.SUPPORT_EMAIL,
        "pace": pace(figures.standing.available, figures.curve),
        "wide": _drawing(figures, width=1180, height=230),
        "narrow": _drawing(figures, width=360, height=220, every=CURVE_STEPS // 60, labels=3),
    }


def _drawing(figures: Live, *, width: int, height: int, every: int = 1, labels: int = 5) -> Drawing:
    curve, organisation = figures.curve, figures.organisation
    credits = [(row.posted_at, row.amount, row.balance_after) for row in curve.credits]
    return draw(
        curve.points, credits, money=lambda amount: tick(amount, organisation.currency),
        zone=organisation.billing_zone, width=width, height=height, every=every, labels=labels,
    )  # fmt: skip


_HUB = Hub(_read_parts)
