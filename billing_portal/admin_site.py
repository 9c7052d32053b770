"""Finance's front door: Django's admin with the product's name and stylesheet."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class PortalAdminSite(AdminSite):
    site_header = "Transparent Billing"
    site_title = "Transparent Billing"
    index_title = "Finance"
    site_url = None

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """People sign in at one place, with its rate limits; a second form would be a second door."""
        if request.user.is_authenticated and not self.has_permission(request):
            return redirect("/")
        return redirect(f"{reverse('account_login')}?next={request.GET.get('next', '/admin/')}")
