"""An organisation's API keys: seen, issued for reading, revoked, by owners and admins."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from analytics.page import hidden_if_missing, member_of, organisation_page
from analytics.refusals import told
from analytics.sections import MANAGERS
from common.clock import billing_now
from common.forms import attempt
from common.tenancy import tenant
from organisations.forms import ConfirmForm, ReadKeyForm
from organisations.models import ApiKey, Member
from organisations.selectors import KEYS_SHOWN, is_in_force, key_with_id, keys_of
from organisations.services import IssuedKey, issue_api_key, revoke_api_key

form_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def keys(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest keys with their state."""
    with organisation_page(request, slug, MANAGERS) as page:
        now = billing_now()
        rows = [(key, is_in_force(key, now)) for key in keys_of(page.organisation)]
        rows.sort(key=lambda row: not row[1])  # stable: those in force first, each part newest first
        return page.render("pages/keys.html", rows=rows, most=KEYS_SHOWN)


@form_page
@login_required
def issue(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a key for reading; its secret is in this answer and nowhere else."""
    acting = member_of(request, slug, MANAGERS)
    form = ReadKeyForm(request.POST if request.method == "POST" else None)
    issued = attempt(form, lambda data: _issue(acting, **data))
    with organisation_page(request, slug, MANAGERS) as page:
        if issued:
            return page.render(
                "pages/key_issued.html", status=201, key=issued.key, secret=issued.secret, site=settings.SITE_URL
            )  # fmt: skip
        return page.form(
            form, title="Issue a key for reading", submit="Issue the key", back=reverse("analytics:keys", args=[slug]),
            intro="It may read balance, usage, models and receipts through the API. It can't spend anything: keys with"
            " which agents make calls are issued by the platform's staff.",
        )  # fmt: skip


@form_page
@login_required
def revoke(request: HttpRequest, slug: str, key_id: int) -> HttpResponse:
    """Revoke a key for good, after a page that asks."""
    acting = member_of(request, slug, MANAGERS)
    with tenant(acting.organisation_id), hidden_if_missing():
        key = key_with_id(acting.organisation, key_id)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if attempt(form, lambda data: revoke_api_key(key=key, by=acting.user)):
        messages.success(request, f"{key} is revoked.")
        return redirect("analytics:keys", slug=slug)
    with organisation_page(request, slug, MANAGERS) as page:
        return page.form(
            form, title=f"Revoke {key.name}?", submit="Revoke the key", danger=True, intro=_consequence(key),
            back=reverse("analytics:keys", args=[slug]), facts=_facts(key),
        )  # fmt: skip


def _issue(by: Member, *, form_id: Any, name: str, days: int | None) -> IssuedKey:
    ends = billing_now() + timedelta(days=days) if days else None
    return told(
        issue_api_key, organisation=by.organisation, name=name, scopes=[ApiKey.Scope.READ], by=by.user, expires_at=ends,
        form_id=form_id,
    )  # fmt: skip


def _consequence(key: ApiKey) -> str:
    stops = "What uses it is refused from this moment on, for good."
    if ApiKey.Scope.CALLS in key.scopes:
        stops += (
            " Agents start no more calls with it; those that run may still be settled."
            " Only the platform's staff can issue another key for calls."
        )
    return stops


def _facts(key: ApiKey) -> list[tuple[str, str]]:
    bound = f"{key.project}, {key.agent}" if key.agent else str(key.project or "")
    return [("Key", f"tb_{key.prefix}_…"), ("May", ", ".join(key.scopes)), *([("Bound to", bound)] if bound else [])]
