"""Finance's front door: Django's admin with the product's name and stylesheet."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

SHOWN = 50
MOST = 99  # beside a place in the navigation: nothing is counted to its end on every page
NOT_OURS = ("autocomplete", "view_on_site")  # they look into other models, and nothing here uses them


class PortalAdminSite(AdminSite):
    site_header = "Transparent Billing"
    site_title = "Transparent Billing"
    index_title = "Finance"
    site_url = None

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Our own pages only: those that other packages bring could add, change and delete."""
        from common.admin import StaffAdmin

        if admin_class is not None and issubclass(admin_class, StaffAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [url for url in super().get_urls() if getattr(url, "name", None) not in NOT_OURS]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Django's pages answer any method that is not POST like a GET; only the methods they mean are let in."""
        return super().admin_view(require_http_methods(["GET", "HEAD", "POST"])(view), cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """People sign in at one place, with its rate limits; a second form would be a second door."""
        if request.user.is_authenticated and not self.has_permission(request):
            return redirect("/")
        following = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(following, {request.get_host()}):
            following = "/admin/"
        return redirect(f"{reverse('account_login')}?{urlencode({'next': following})}")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page's frame shows: also how many approvals wait, beside their place in the navigation."""
        from common.tenancy import current_scope
        from organisations.selectors import approvals_to_decide

        # Signing out and a new password happen outside of any scope: there the number is left out.
        waiting = len(approvals_to_decide()[: MOST + 1]) if current_scope().platform else 0
        return {**super().each_context(request), "waiting_approvals": waiting, "most": MOST}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """First what needs a person: a violated ledger, approvals, stopped organisations, overruns."""
        return super().index(request, {**_attention(), **(extra_context or {})})


def _attention() -> dict[str, Any]:
    # Imported here: the site stands before any model is loaded.
    from metering.models import OverrunAlert
    from organisations.selectors import approvals_to_decide, sandboxes
    from wallets.books import books
    from wallets.selectors import organisations_by_state, suspended_for_overrun

    overruns = OverrunAlert.objects.exclude(organisation__in=sandboxes())
    overruns = overruns.select_related("organisation", "usage").order_by("-raised_at")
    return {
        "books": books(),
        "approvals": list(approvals_to_decide()[:SHOWN]),
        "stopped": list(organisations_by_state("stopped")[:SHOWN]),
        "suspended": list(suspended_for_overrun()[:SHOWN]),
        "alerts": list(overruns[:SHOWN]),
    }
