"""The web process's entrance (uvicorn serves this)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_portal.settings")

application = get_asgi_application()

# After Django is set up: these read settings and models.
from django.conf import settings  # noqa: E402

if settings.HOT_PATH:
    from metering.lane.door import Lane

    application = Lane(application)
