"""An organisation's pages for its members."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from analytics.selectors import latest_usage
from common.problems import NotFound
from common.tenancy import tenant
from metering import answers
from metering.selectors import balance, transfers_of, usage_record
from organisations.models import Member, User
from organisations.selectors import membership, my_organisations


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Where a signed-in person belongs: staff to the admin, members to their organisation."""
    user = _user(request)
    if user.is_staff:
        return redirect("admin:index")
    mine = my_organisations(user)
    if len(mine) == 1:
        return redirect("analytics:overview", slug=mine[0].organisation.slug)
    return render(request, "pages/organisations.html", {"memberships": mine})


@require_safe
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """What there is and what was spent last."""
    member = _member(request, slug)
    with tenant(member.organisation_id, snapshot=True):
        context = {
            "member": member,
            "organisation": member.organisation,
            "balance": balance(member.organisation),
            "usage": latest_usage(member.organisation_id),
        }
        return render(request, "pages/overview.html", context)


@require_safe
@login_required
def receipt(request: HttpRequest, slug: str, hold_id: uuid.UUID) -> HttpResponse:
    """A receipt, for members."""
    member = _member(request, slug)
    with tenant(member.organisation_id, snapshot=True):
        try:
            record = usage_record(member.organisation_id, hold_id)
        except NotFound as error:
            raise Http404 from error
        shown = answers.receipt(record, transfers_of(record))
        context = {"member": member, "organisation": member.organisation, "record": record, "receipt": shown}
        return render(request, "pages/receipt.html", context)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before
    return request.user


def _member(request: HttpRequest, slug: str) -> Member:
    try:
        return membership(_user(request), slug)
    except NotFound as error:
        raise Http404 from error
