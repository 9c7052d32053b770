"""Calls that were suspended since too much had to be absorbed: finance lets them go on, with a reason."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern

from common.admin import require_writer
from common.forms import attempt
from common.templatetags.figures import money, money_text, utc
from organisations.admin.tenants import TenantAdmin
from organisations.models import User
from wallets.admin.adjustments import wallet_page
from wallets.finance_forms import ReasonForm
from wallets.models import OverrunClearance, Wallet
from wallets.services import clear_overrun


@admin.register(OverrunClearance)
class OverrunClearanceAdmin(TenantAdmin):
    list_display = ("cleared", "organisation", "suspended", "figure", "reason", "cleared_by")
    list_select_related: ClassVar[tuple[str, ...]] = ("organisation", "cleared_by")
    ordering = ("-pk",)

    def own_urls(self) -> list[URLPattern]:
        return [self.own("clear/<int:organisation_id>/", self.clear, "wallets_clear_overrun")]

    def clear(self, request: HttpRequest, organisation_id: int) -> HttpResponse:
        """Let an organisation's calls go on. Sent twice it does nothing more."""
        require_writer(request)
        wallet = get_object_or_404(Wallet.objects.select_related("organisation"), pk=organisation_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if attempt(form, lambda data: _clear(wallet, request.user, data)):
            self.message_user(request, f"Calls of {wallet.organisation} may start again.", messages.SUCCESS)
            return redirect(wallet_page(organisation_id))
        return self.form_page(
            request, form, title="Clear the overrun", organisation=wallet.organisation, submit="Let calls go on",
            back=wallet_page(organisation_id), intro=_why(wallet),
        )  # fmt: skip

    @admin.display(description="Cleared")
    def cleared(self, row: OverrunClearance) -> str:
        return utc(row.cleared_at)

    @admin.display(description="Suspended")
    def suspended(self, row: OverrunClearance) -> str:
        return utc(row.suspended_at)

    @admin.display(description="Absorbed")
    def figure(self, row: OverrunClearance) -> str:
        return money(row.absorbed, row.organisation.currency)


def _clear(wallet: Wallet, by: Any, data: dict[str, Any]) -> bool:
    assert isinstance(by, User)  # the admin's door stands before
    clear_overrun(organisation=wallet.organisation, reason=data["reason"], by=by)
    return True


def _why(wallet: Wallet) -> str:
    if wallet.overrun_since is None:
        return f"Calls of {wallet.organisation} are not suspended."
    absorbed = money_text(wallet.absorbed_today, wallet.organisation.currency)
    return f"{absorbed} had to be absorbed on {wallet.absorbed_day}. The day's count begins anew once it is cleared."
