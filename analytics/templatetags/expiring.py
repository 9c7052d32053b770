"""What pages of lower apps show of an organisation's forecast."""

from typing import Any

from django import template

from analytics.expiring import expiring_soon
from common.clock import billing_now
from organisations.models import Organisation

register = template.Library()


@register.inclusion_tag("parts/expiring.html")
def expiring_credits(organisation: Organisation) -> dict[str, Any]:
    """The warning of credits that expire soon, nothing where none do; the page is inside a scope."""
    return {
        "forecast": expiring_soon(organisation, billing_now()), "currency": organisation.currency,
        "zone": organisation.billing_zone,
    }  # fmt: skip
