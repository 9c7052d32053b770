"""Writes of plans."""

from decimal import Decimal

from common.clock import billing_now
from common.tenancy import tenant
from organisations.models import Organisation
from plans.models import Plan, Subscription

# Placeholders until the tiers are priced: (slug, name, markup, access classes).
TIERS = [
    ("starter", "Starter", Decimal("1.20"), ["standard"]),
    ("pro", "Pro", Decimal("1.10"), ["standard", "advanced"]),
    ("enterprise", "Enterprise", Decimal("1.00"), ["standard", "advanced", "preview"]),
]


def load_plans() -> None:
    """Make the three tiers where they are missing; existing rows stay as they are."""
    for position, (slug, name, markup, classes) in enumerate(TIERS):
        fields = {"name": name, "markup": markup, "access_classes": classes, "position": position}
        Plan.objects.get_or_create(slug=slug, defaults=fields)


def put_on_plan(*, organisation: Organisation, plan: Plan) -> Subscription:
    """Put an organisation on a plan from now on; calls already authorised keep the terms they were given."""
    with tenant(organisation.pk):
        subscription, _ = Subscription.objects.update_or_create(
            organisation=organisation, defaults={"plan": plan, "since": billing_now()}
        )
    return subscription
