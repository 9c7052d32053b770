"""Who belongs to an organisation. Every member sees it; owners and admins change it (`organisations.rules`)."""

import structlog
from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.page import hidden_if_missing, member_of, organisation_page
from analytics.refusals import told
from analytics.sections import MANAGERS
from common.forms import attempt
from common.problems import NotFound
from organisations import team
from organisations.forms import ConfirmForm
from organisations.models import Member
from organisations.people_forms import InviteForm, MemberRoleForm
from organisations.rules import may_set, roles_given_by
from organisations.selectors import member_with_id, members_of

log = structlog.get_logger("members")
form_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@login_required
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody in the organisation."""
    with organisation_page(request, slug) as page:
        rows = [(member, may_set(page.member.role, member.role)) for member in members_of(page.organisation)]
        return page.render("pages/members.html", rows=rows, manages=page.member.role in MANAGERS)


@form_page
@login_required
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Make somebody a member; a new person chooses a password by mail."""
    acting = member_of(request, slug, MANAGERS)
    form = InviteForm(request.POST if request.method == "POST" else None, roles=roles_given_by(acting.role))
    if added := attempt(form, lambda data: told(team.invite, by=acting, **data)):
        _mail(request, added, acting)
        return redirect("analytics:members", slug=slug)
    with organisation_page(request, slug, MANAGERS) as page:
        return page.form(
            form, title="Add a member", submit="Add", back=reverse("analytics:members", args=[slug]),
            intro="They get a mail. Who has no account yet chooses a password with the link in it.",
        )  # fmt: skip


@form_page
@login_required
def member(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """One member: another role, the mail again, or the way to their removal."""
    acting = member_of(request, slug, MANAGERS)
    data = request.POST if request.method == "POST" else None
    form = MemberRoleForm(data, roles=roles_given_by(acting.role))
    with hidden_if_missing():
        if changed := attempt(form, lambda new: told(team.set_role, by=acting, member_id=member_id, **new)):
            messages.success(request, f"{changed.user} is {changed.get_role_display()} now.")
            return redirect("analytics:members", slug=slug)
    with organisation_page(request, slug, MANAGERS) as page, hidden_if_missing():
        found = member_with_id(page.organisation, member_id)
        form.initial = {"role": found.role}
        return page.render(
            "pages/member.html", status=422 if form.errors else 200, form=form, found=found,
            allowed=may_set(acting.role, found.role),
        )  # fmt: skip


@form_page
@login_required
def remove(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """End a membership, after a page that asks."""
    acting = member_of(request, slug, MANAGERS)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if attempt(form, lambda data: _remove(request, acting, member_id)):
        return redirect("analytics:home") if member_id == acting.pk else redirect("analytics:members", slug=slug)
    with organisation_page(request, slug, MANAGERS) as page, hidden_if_missing():
        found = member_with_id(page.organisation, member_id)
        return page.form(
            form, title=f"Remove {found.user}?", submit="Remove", danger=True,
            back=reverse("analytics:member", args=[slug, member_id]), facts=_facts(found),
            intro="They lose every page of this organisation at once. Keys that they issued go on working; their"
            " account and other organisations stay as they are.",
        )  # fmt: skip


@require_POST
@login_required
def invite_again(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Send the mail once more to somebody who has no password yet."""
    acting = member_of(request, slug, MANAGERS)
    with organisation_page(request, slug, MANAGERS) as page, hidden_if_missing():
        found = member_with_id(page.organisation, member_id)
    _mail(request, found, acting)
    return redirect("analytics:members", slug=slug)


def _remove(request: HttpRequest, acting: Member, member_id: int) -> bool:
    try:
        removed = told(team.remove, by=acting, member_id=member_id)
        messages.success(request, f"{removed.user} is no member of {acting.organisation} any more.")
    except NotFound:  # sent twice, or somebody else was faster: it is as was wanted
        messages.info(request, "They are no member any more.")
    return True


def _facts(found: Member) -> list[tuple[str, str]]:
    return [("E-mail", found.user.email), ("Role", found.get_role_display())]


def _mail(request: HttpRequest, added: Member, by: Member) -> None:
    """Outside of any transaction: a slow mail server must hold no lock."""
    try:
        get_adapter(request).send_invitation(added, by)
    except OSError:  # what smtplib raises, too
        log.exception("invitation not sent")
        messages.warning(request, f"{added.user.email} is a member, but no mail could be sent. Send it again later.")
    else:
        messages.success(request, f"{added.user.email} is a member. A mail is on its way.")
