"""Four eyes: what waits for a second person, what was decided, and the page on which it is decided."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin import require_writer
from common.clock import billing_now
from common.forms import attempt
from common.templatetags.figures import money, utc
from organisations.admin.tenants import OrganisationFilter, TenantAdmin
from organisations.approvals import approve, kind_of, refuse, withdraw
from organisations.errors import AlreadyDecided, CannotBeDone, MayNotDecide
from organisations.forms import DecisionForm
from organisations.models import Approval, User
from organisations.selectors import waiting_approvals

State = Approval.State
TAGS = {State.ASKED: "wait", State.APPROVED: "ok", State.REFUSED: "bad"}
ALL = "all"


class StateFilter(admin.SimpleListFilter):
    """What waits is shown unless something else is chosen."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [*((s.value, s.label) for s in State if s != State.ASKED), (ALL, "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        waiting, *others = super().choices(changelist)
        yield {**waiting, "display": State.ASKED.label}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        if self.value() is None:
            return queryset.filter(pk__in=waiting_approvals().order_by().values("pk"))
        return queryset if self.value() == ALL else queryset.filter(state=self.value())


@admin.register(Approval)
class ApprovalAdmin(TenantAdmin):
    list_display = ("subject", "organisation", "figure", "asked", "state_word", "until")
    list_filter = (StateFilter, OrganisationFilter)
    list_select_related = ("organisation", "asked_by", "decided_by")
    ordering = ("-pk",)

    @admin.display(description="Amount")
    def figure(self, approval: Approval) -> str:
        return money(approval.amount, approval.currency)

    @admin.display(description="Asked")
    def asked(self, approval: Approval) -> SafeString:
        return format_html("{}, {}", approval.asked_by.email, utc(approval.asked_at))

    @admin.display(description="State")
    def state_word(self, approval: Approval) -> SafeString:
        tag = TAGS.get(State(approval.state), "")
        return format_html('<span class="tag {}">{}</span>', tag, approval.get_state_display())

    @admin.display(description="Expires, or decided")
    def until(self, approval: Approval) -> SafeString | str:
        if approval.state == State.ASKED:
            return utc(approval.expires_at)
        by = f"{approval.decided_by.email}, " if approval.decided_by else ""
        return format_html("{}{}", by, utc(approval.decided_at))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What was asked for, by whom and why; a POST decides."""
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if not (object_id.isascii() and object_id.isdecimal() and len(object_id) < 19):
            raise Http404
        approval = get_object_or_404(
            Approval.objects.select_related("organisation", "asked_by", "decided_by"), pk=object_id
        )
        if request.method != "POST":
            return self._approval_page(request, approval, DecisionForm())
        require_writer(request)
        form = DecisionForm(request.POST)
        try:
            decided = attempt(form, lambda data: _decide(approval, request.user, data))
        except AlreadyDecided as error:
            self.message_user(request, f"{error} You changed nothing.", messages.WARNING)
            return redirect(_page(approval))
        if decided is None:
            return self._approval_page(request, approval, form)
        self.message_user(request, _told(decided), messages.SUCCESS)
        return redirect(_page(approval))

    def _approval_page(self, request: HttpRequest, approval: Approval, form: DecisionForm) -> HttpResponse:
        waits = approval.state == State.ASKED and approval.expires_at > billing_now()
        return self.page(
            request, "admin/organisations/approval.html", title=approval.subject, status=422 if form.errors else 200,
            approval=approval, organisation=approval.organisation, form=form, kind=kind_of(approval), waits=waits,
            tag=TAGS.get(State(approval.state), ""), own=approval.asked_by_id == request.user.pk,
        )  # fmt: skip


def asked_for(request: HttpRequest, approval: Approval) -> HttpResponse:
    """The answer to a form that asked for an approval instead of doing what it says."""
    told = "Asked for approval: nothing is done before another person of finance approves it."
    messages.success(request, told)
    return redirect(_page(approval))


def _page(approval: Approval) -> str:
    return reverse("admin:organisations_approval_change", args=[approval.pk])


def _decide(approval: Approval, by: Any, data: dict[str, Any]) -> Approval:
    assert isinstance(by, User)  # the admin's door stands before
    try:
        if data["act"] == "withdraw":
            return withdraw(approval_id=approval.pk, by=by)
        act = approve if data["act"] == "approve" else refuse
        return act(approval_id=approval.pk, by=by, reason=data["reason"])
    except (MayNotDecide, CannotBeDone) as error:
        raise ValidationError(str(error)) from error


def _told(approval: Approval) -> str:
    if approval.state == State.APPROVED:
        return "Approved and done."
    return f"{approval.get_state_display()}: nothing was done."
