from django.contrib import admin
from django.urls import include, path

from billing_portal import health, reference

urlpatterns = [
    path("", include("analytics.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("organisations.urls")),
    path("api/v1/", include("metering.urls")),
    path("api/reference/", reference.reference, name="api-reference"),
    path("problems/", reference.problems, name="problems"),
    path("problems/<slug:code>", reference.problem, name="problem"),
    path("livez", health.livez),
    path("readyz", health.readyz),
]
handler400 = "billing_portal.views.bad_request"
handler403 = "billing_portal.views.forbidden"
handler404 = "billing_portal.views.not_found"
handler429 = "billing_portal.views.too_many"  # allauth looks for it here
handler500 = "billing_portal.views.server_error"
