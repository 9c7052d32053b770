"""What there is, how long it lasts and where it goes."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from analytics.overview import overview as overview_figures
from analytics.page import organisation_page
from analytics.selectors import latest_usage
from analytics.usage.words import change_sentence


@require_safe
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """An organisation's first page."""
    with organisation_page(request, slug) as page:
        organisation = page.organisation
        figures = overview_figures(organisation)
        return page.render(
            "pages/overview.html", overview=figures, usage=latest_usage(organisation.pk, 10),
            change=change_sentence(figures.spend.charge, figures.before.charge, len(figures.period)),
            currency=organisation.currency, zone=organisation.billing_zone, ask=settings.SUPPORT_EMAIL,
        )  # fmt: skip
