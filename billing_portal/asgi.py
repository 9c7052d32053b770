"""The web process's entrance (uvicorn serves this)."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_portal.settings")

application: Any = get_asgi_application()

from django.conf import settings  # noqa: E402  (Django is set up only now)

from metering.lane.door import Lane  # noqa: E402  (reads models)

if settings.HOT_PATH:
    application = Lane(application)
