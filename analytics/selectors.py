"""Reads over usage, within the scope of one organisation."""

from metering.models import UsageRecord


def latest_usage(organisation_id: int, limit: int = 20) -> list[UsageRecord]:
    """The newest settled calls with their model and agent, newest first."""
    records = UsageRecord.objects.select_related("model", "agent", "project")
    return list(records.filter(organisation_id=organisation_id).order_by("-local_day", "-posted_at", "-pk")[:limit])
