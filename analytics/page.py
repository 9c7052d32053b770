"""What every page of an organisation needs: who is asking, one snapshot of the figures, and the shell around them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.sections import EVERYBODY, sections_for
from common.problems import NotFound
from common.tenancy import tenant
from organisations.models import Member, Organisation, User
from organisations.selectors import my_organisations
from wallets.selectors import standing


@dataclass(frozen=True)
class Page:
    """A page in the making: inside the organisation's snapshot, for a member who may see it."""

    request: HttpRequest
    member: Member
    memberships: list[Member]

    @property
    def organisation(self) -> Organisation:
        return self.member.organisation

    def render(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Answer with `template`, which extends `base.html`; the shell's own part of the context is added."""
        shell = {
            "member": self.member,
            "organisation": self.organisation,
            "memberships": self.memberships,
            "sections": sections_for(self.member, self.request.path),
            "standing": standing(self.organisation),
        }
        return render(self.request, template, {**shell, **context}, status=status)

    def form(self, form: Form, *, title: str, submit: str, back: str, **context: Any) -> HttpResponse:
        """A page with a form that does one thing: `submit` is its button, `back` the way out.

        Also `intro`, `danger` (the button is red) and `facts` (pairs of what it is about).
        """
        status = 422 if form.errors else 200
        shown = {"form": form, "title": title, "submit": submit, "back": back, **context}
        return self.render("pages/form.html", status=status, **shown)


@contextmanager
def organisation_page(request: HttpRequest, slug: str, roles: Collection[str] = EVERYBODY) -> Iterator[Page]:
    """A page of the organisation `slug`, in one read-only snapshot; `return page.render(…)` inside of it.

    A form's service opens a transaction of its own and stands before this. Raises `Http404` where the user is no
    member, `PermissionDenied` for a member whose role is not one of `roles`.
    """
    member, memberships = _door(request, slug, roles)
    with tenant(member.organisation_id, snapshot=True):
        yield Page(request, member, memberships)


def member_of(request: HttpRequest, slug: str, roles: Collection[str] = EVERYBODY) -> Member:
    """The membership of who is asking, for what is no page (a stream, a file, a form's act). Raises the same."""
    return _door(request, slug, roles)[0]


@contextmanager
def hidden_if_missing() -> Iterator[None]:
    """`NotFound` from a selector or service becomes the page for it."""
    try:
        yield
    except NotFound as error:
        raise Http404 from error


def signed_in(request: HttpRequest) -> User:
    """The user of a view behind `login_required`."""
    assert isinstance(request.user, User)  # login_required stands before
    return request.user


def _door(request: HttpRequest, slug: str, roles: Collection[str]) -> tuple[Member, list[Member]]:
    memberships = my_organisations(signed_in(request))
    member = next((m for m in memberships if m.organisation.slug == slug), None)
    if member is None:  # another's organisation and none at all look the same
        raise Http404
    if member.role not in roles:
        raise PermissionDenied
    return member, memberships
