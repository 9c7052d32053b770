"""How a charge came about."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from analytics.page import hidden_if_missing, organisation_page
from metering import answers
from metering.selectors import transfers_of, usage_record


@require_safe
@login_required
def receipt(request: HttpRequest, slug: str, hold_id: uuid.UUID) -> HttpResponse:
    """A receipt, for members."""
    with organisation_page(request, slug) as page, hidden_if_missing():
        record = usage_record(page.organisation.pk, hold_id)
        shown = answers.receipt(record, transfers_of(record))
        return page.render("pages/receipt.html", record=record, receipt=shown)
