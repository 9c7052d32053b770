"""How a charge came about."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from analytics.page import hidden_if_missing, organisation_page
from metering import answers
from metering.selectors import settlement


@require_safe
@login_required
def receipt(request: HttpRequest, slug: str, hold_id: uuid.UUID) -> HttpResponse:
    """A receipt, for members."""
    with organisation_page(request, slug) as page, hidden_if_missing():
        found = settlement(page.organisation.pk, hold_id)
        return page.render("pages/receipt.html", record=found.first, receipt=answers.receipt(*found))
