"""API keys: listed, issued to the agent runtime, revoked. A secret is on one page, once."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin import require_writer
from common.clock import billing_now
from common.forms import attempt
from organisations.admin.tenants import OrganisationFilter, TenantAdmin
from organisations.forms import ConfirmForm, IssueKeyForm
from organisations.models import ApiKey, Organisation, User
from organisations.selectors import is_in_force
from organisations.services import IssuedKey, issue_api_key, revoke_api_key


class RevokedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "revoked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [("no", "Not revoked"), ("yes", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        return queryset.filter(revoked_at__isnull=self.value() == "no") if self.value() else queryset


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    change_form_template = "admin/organisations/key.html"
    list_display = ("name", "secret", "organisation", "may", "project", "agent", "state", "last_used_at", "created_at")
    list_filter = (OrganisationFilter, RevokedFilter)
    list_select_related = ("organisation", "project", "agent")
    search_help_text = "A key's prefix, or an organisation's name, slug or e-mail."
    ordering = ("-pk",)
    fields = (
        "name", "secret", "organisation", "project", "agent", "may", "created_by", "created_at", "expires_at",
        "last_used_at", "revoked_at", "revoked_by",
    )  # fmt: skip
    readonly_fields = ("secret", "may")

    def found_by(self, term: str) -> Q:
        return super().found_by(term) | Q(prefix=term.removeprefix("tb_")[:12])

    def prepare(self, rows: list[Any]) -> None:
        now = billing_now()
        for key in rows:
            key.in_force = is_in_force(key, now)

    @admin.display(description="Key")
    def secret(self, key: ApiKey) -> SafeString:
        return format_html('<span class="mono">tb_{}_…</span>', key.prefix)

    @admin.display(description="Scopes")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="State")
    def state(self, key: Any) -> SafeString:
        word, tag = ("In force", "ok") if key.in_force else ("Revoked" if key.revoked_at else "Expired", "bad")
        return format_html('<span class="tag {}">{}</span>', tag, word)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("issue/<int:organisation_id>/", self.issue, "organisations_issue_key"),
            self.own("<int:pk>/revoke/", self.revoke, "organisations_revoke_key"),
        ]

    def issue(self, request: HttpRequest, organisation_id: int) -> HttpResponse:
        """Make a key; its secret is in this answer and nowhere else."""
        require_writer(request)
        organisation = get_object_or_404(Organisation, pk=organisation_id)
        form = IssueKeyForm(request.POST if request.method == "POST" else None, organisation=organisation)
        if issued := attempt(form, lambda data: issue_api_key(organisation=organisation, by=_by(request), **data)):
            return self._issued(request, organisation, issued)
        return self.form_page(
            request, form, title="Issue a runtime key", organisation=organisation, submit="Issue key",
            intro="For the platform's agent runtime. The secret is shown once, on the next page.",
            back=reverse("admin:organisations_organisation_change", args=[organisation.pk]),
        )  # fmt: skip

    def _issued(self, request: HttpRequest, organisation: Organisation, issued: IssuedKey) -> HttpResponse:
        response = self.page(
            request, "admin/organisations/key_issued.html", title="Key issued", organisation=organisation,
            key=issued.key, secret=issued.secret,
        )  # fmt: skip
        response.headers["Cache-Control"] = "no-store"
        return response

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke a key, after a page that asks."""
        require_writer(request)
        key = get_object_or_404(ApiKey.objects.select_related("organisation"), pk=pk)
        back = reverse("admin:organisations_apikey_change", args=[key.pk])
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if attempt(form, lambda data: revoke_api_key(key=key, by=_by(request))):
            self.message_user(request, f"{key} is revoked.", messages.SUCCESS)
            return redirect(back)
        return self.form_page(
            request, form, title=f"Revoke {key}", organisation=key.organisation, submit="Revoke key", danger=True,
            intro="It can't start calls from this moment on, for good. Calls that it opened may still be settled.",
            back=back,
        )  # fmt: skip


def _by(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin's door stands before
    return request.user
