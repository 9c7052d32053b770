"""Rows of money, to read: lots, holds, transfers."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.templatetags.figures import money, utc
from organisations.admin.tenants import OrganisationFilter, TenantAdmin
from wallets.models import Grant, Hold, Transfer


class MoneyAdmin(TenantAdmin):
    """A list of money rows, to read."""

    list_select_related: ClassVar[tuple[str, ...]] = ("organisation",)

    @admin.display(description="Amount")
    def figure(self, row: Any) -> str:
        return money(row.amount, row.organisation.currency)


@admin.register(Grant)
class GrantAdmin(MoneyAdmin):
    list_display = ("granted_at", "organisation", "kind", "figure", "left", "expires", "reason", "given_by")
    list_filter = (OrganisationFilter, "kind")
    list_select_related = ("organisation", "given_by")
    ordering = ("-pk",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Who may take bought credits back finds spent lots here, too."""
        writes = request.user.is_authenticated and request.user.writes_money
        return (*self.list_display, "take_back") if writes else self.list_display

    @admin.display(description="Left")
    def left(self, grant: Grant) -> str:
        return money(grant.remaining, grant.organisation.currency)

    @admin.display(description="Expires")
    def expires(self, grant: Grant) -> str:
        return utc(grant.expires_at)

    @admin.display(description="Take back")
    def take_back(self, grant: Grant) -> SafeString | str:
        if grant.kind != Grant.Kind.PAID:
            return "–"
        address = reverse("admin:wallets_take_back", args=[grant.pk])
        return format_html('<a href="{}" aria-label="Take back lot {}">Take back</a>', address, grant.pk)


@admin.register(Hold)
class HoldAdmin(MoneyAdmin):
    needs_organisation = True
    list_display = ("authorised_at", "organisation", "figure", "state", "ended_by", "expires_at", "receipt")
    list_filter = (OrganisationFilter, "state")
    ordering = ("-authorised_at", "pk")

    @admin.display(description="Receipt")
    def receipt(self, hold: Hold) -> SafeString | str:
        return receipt_link(hold.pk) if hold.state == Hold.State.SETTLED else "–"


@admin.register(Transfer)
class TransferAdmin(MoneyAdmin):
    list_display = ("moment", "organisation", "kind", "debit", "credit", "figure", "after", "receipt")
    ordering = ("-pk",)

    @admin.display(description="Posted")
    def moment(self, row: Transfer) -> str:
        return utc(row.posted_at)

    @admin.display(description="Balance after")
    def after(self, row: Transfer) -> str:
        return money(row.balance_after, row.organisation.currency)

    @admin.display(description="Receipt")
    def receipt(self, row: Transfer) -> SafeString | str:
        return receipt_link(row.hold_id) if row.hold_id else "–"


def receipt_link(hold_id: Any) -> SafeString:
    """A link to the receipt of a settled hold."""
    return format_html('<a href="{}">Receipt</a>', reverse("admin:metering_receipt", args=[hold_id]))
