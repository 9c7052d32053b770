"""The OpenAPI document over HTTP, as YAML or JSON, written once in each process."""

import functools
from typing import Any

from django.http import HttpResponse
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from metering.schema import document


class Description(SpectacularAPIView):
    """YAML, or JSON for who asks for it (`Accept`, or `?format=json`)."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        return HttpResponse(_written(str(renderer.format)), content_type=renderer.media_type)


@functools.cache
def _written(kind: str) -> bytes:
    renderer = OpenApiJsonRenderer() if kind == "json" else OpenApiYamlRenderer()
    return bytes(renderer.render(document(), renderer_context={}))
