"""Reads of plans."""

from plans.models import Edition, Plan, Subscription


def plan_of(organisation_id: int) -> Plan | None:
    """The plan of an organisation; the caller is in its scope. None where it has not subscribed."""
    found = Subscription.objects.select_related("plan").filter(organisation_id=organisation_id).first()
    return found.plan if found else None


def access_classes() -> list[str]:
    """Every class of models that some plan includes, in the plans' order."""
    return list(dict.fromkeys(name for plan in Plan.objects.all() for name in plan.access_classes))


def edition() -> int:
    """Which edition of prices, models and plans is in force; ask before looking anything up in it."""
    return Edition.objects.values_list("number", flat=True).first() or 0
