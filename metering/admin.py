"""Usage, receipts and overruns for staff, to read."""

import uuid
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from common.templatetags.figures import money, utc
from metering import answers
from metering.models import OverrunAlert, UsageRecord
from metering.selectors import settlement
from organisations.admin.tenants import OrganisationFilter, TenantAdmin
from wallets.admin import receipt_link
from wallets.models import Hold


@admin.register(UsageRecord)
class UsageRecordAdmin(TenantAdmin):
    needs_organisation = True  # there is an index by organisation and time, none by time alone
    list_display = ("moment", "organisation", "model", "project", "agent", "status", "charged", "receipt")
    list_filter = (OrganisationFilter, "status")
    list_select_related = ("organisation", "model__provider", "project", "agent")
    ordering = ("-local_day", "-posted_at", "-pk")

    def own_urls(self) -> list[URLPattern]:
        return [self.own("receipt/<uuid:hold_id>/", require_safe(self.receipt_page), "metering_receipt")]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A usage record is read as its receipt."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        return redirect("admin:metering_receipt", record.hold_id)

    def receipt_page(self, request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
        """How a charge came about, computed anew from the leaves and the frozen rates."""
        hold = get_object_or_404(Hold, pk=hold_id)
        if hold.state != Hold.State.SETTLED:
            raise Http404
        found = settlement(hold.organisation_id, hold_id)
        shown = answers.receipt(*found)
        return self.page(
            request, "admin/metering/receipt.html", title="Receipt", organisation=found.first.organisation,
            record=found.first, receipt=shown, currency=shown.currency,
        )  # fmt: skip

    @admin.display(description="Posted")
    def moment(self, record: UsageRecord) -> str:
        return utc(record.posted_at)

    @admin.display(description="Charged")
    def charged(self, record: UsageRecord) -> str:
        return money(record.charge, record.organisation.currency)

    @admin.display(description="Receipt")
    def receipt(self, record: UsageRecord) -> SafeString:
        return receipt_link(record.hold_id)


@admin.register(OverrunAlert)
class OverrunAlertAdmin(TenantAdmin):
    list_display = ("raised_at", "organisation", "figure", "receipt")
    list_select_related = ("organisation", "usage")
    ordering = ("-raised_at", "-pk")

    @admin.display(description="Absorbed")
    def figure(self, alert: OverrunAlert) -> str:
        return money(alert.absorbed, alert.organisation.currency)

    @admin.display(description="Receipt")
    def receipt(self, alert: OverrunAlert) -> SafeString:
        return receipt_link(alert.usage.hold_id)
