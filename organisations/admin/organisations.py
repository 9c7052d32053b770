"""Organisations: found, their details changed, suspended and resumed."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from common.admin import StaffAdmin, require_writer
from common.forms import attempt
from common.templatetags.figures import utc
from organisations.admin.tenants import OrganisationFilter, OwnSandboxFilter, TenantAdmin
from organisations.forms import ConfirmForm, OrganisationForm, SuspendForm
from organisations.models import Agent, Member, Organisation, Project
from organisations.selectors import billed_organisations
from organisations.services import resume_organisation, suspend_organisation


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [("active", "Active"), ("suspended", "Suspended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> QuerySet[Organisation]:
        if self.value() is None:
            return queryset
        return queryset.filter(suspended_at__isnull=self.value() == "active")


class ZoneFilter(admin.SimpleListFilter):
    title = "billing zone"
    parameter_name = "zone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        zones = billed_organisations().order_by("billing_zone").values_list("billing_zone", flat=True).distinct()
        return [(zone, zone) for zone in zones]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Organisation]) -> QuerySet[Organisation]:
        return queryset.filter(billing_zone=self.value()) if self.value() else queryset


@admin.register(Organisation)
class OrganisationAdmin(StaffAdmin):
    form = OrganisationForm
    change_form_template = "admin/organisations/organisation.html"
    list_display = ("name", "slug", "email", "state", "billing_zone", "since")
    list_filter = (StateFilter, OwnSandboxFilter, ZoneFilter)
    search_fields = ("name", "slug", "email")
    search_help_text = "Name, slug or e-mail."
    ordering = ("name", "pk")
    fields = ("name", "email", "billing_zone", "slug", "currency", "sandbox", "created_at")
    readonly_fields = ("slug", "currency", "sandbox", "created_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_authenticated and request.user.writes_money

    def save_model(self, request: HttpRequest, obj: Organisation, form: Any, change: bool) -> None:
        # Only what this person changed: a suspension that came meanwhile stays.
        obj.save(update_fields=form.changed_data)

    @admin.display(description="State")
    def state(self, organisation: Organisation) -> SafeString:
        word, tag = ("Suspended", "bad") if organisation.suspended_at else ("Active", "ok")
        sandbox = mark_safe(' <span class="tag">Sandbox</span>') if organisation.sandbox else ""
        return format_html('<span class="tag {}">{}</span>{}', tag, word, sandbox)

    @admin.display(description="Created")
    def since(self, organisation: Organisation) -> str:
        return utc(organisation.created_at)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("<int:pk>/suspend/", self.suspend, "organisations_suspend"),
            self.own("<int:pk>/resume/", self.resume, "organisations_resume"),
        ]

    def suspend(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Refuse an organisation's new calls, with a reason."""
        require_writer(request)
        organisation = get_object_or_404(Organisation, pk=pk)
        form = SuspendForm(request.POST if request.method == "POST" else None)
        if attempt(form, lambda data: suspend_organisation(organisation=organisation, reason=data["reason"])):
            return self._done(request, organisation, f"{organisation} is suspended: its keys can't start calls.")
        return self.form_page(
            request, form, title=f"Suspend {organisation}", organisation=organisation, submit="Suspend", danger=True,
            intro="New calls are refused from this moment on. Calls that are open may still be settled or released.",
            back=_page(organisation),
        )  # fmt: skip

    def resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let an organisation's keys start calls again."""
        require_writer(request)
        organisation = get_object_or_404(Organisation, pk=pk)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if attempt(form, lambda data: resume_organisation(organisation=organisation)):
            return self._done(request, organisation, f"{organisation} is active again.")
        return self.form_page(
            request, form, title=f"Resume {organisation}", organisation=organisation, submit="Resume",
            intro="Its keys may start calls again.", back=_page(organisation),
        )  # fmt: skip

    def _done(self, request: HttpRequest, organisation: Organisation, told: str) -> HttpResponse:
        self.message_user(request, told, messages.SUCCESS)
        return redirect(_page(organisation))


def _page(organisation: Organisation) -> str:
    return reverse("admin:organisations_organisation_change", args=[organisation.pk])


@admin.register(Member)
class MemberAdmin(TenantAdmin):
    list_display = ("user", "organisation", "role", "joined_at")
    list_filter = (OrganisationFilter, "role")
    list_select_related = ("user", "organisation")
    ordering = ("organisation_id", "pk")


@admin.register(Project)
class ProjectAdmin(TenantAdmin):
    list_display = ("name", "slug", "organisation", "created_at")
    list_select_related = ("organisation",)
    ordering = ("organisation_id", "slug")


@admin.register(Agent)
class AgentAdmin(TenantAdmin):
    list_display = ("name", "slug", "project", "organisation", "created_at")
    list_select_related = ("project", "organisation")
    ordering = ("organisation_id", "slug")
