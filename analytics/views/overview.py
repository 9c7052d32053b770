"""What there is and what was spent last."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from analytics.page import organisation_page
from analytics.selectors import latest_usage
from metering.selectors import balance


@require_safe
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """An organisation's first page."""
    with organisation_page(request, slug) as page:
        organisation = page.organisation
        return page.render("pages/overview.html", balance=balance(organisation), usage=latest_usage(organisation.pk))
