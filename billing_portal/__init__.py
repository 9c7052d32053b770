"""Wiring: settings, URLs, processes, the admin site. Knows no price."""

from billing_portal.celery import app as celery_app

__all__ = ["celery_app"]
