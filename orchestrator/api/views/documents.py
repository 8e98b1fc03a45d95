"""The API's own description: the OpenAPI document, and a page that reads it. Both need no token and name no
data.
"""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.endpoint import as_view, nothing_here

EVERY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
hidden = extend_schema(exclude=True)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of `/api/v1/`, made once a process."""
    generator: Any = SchemaGenerator
    made: dict[str, Any] = generator().get_schema(request=None, public=True)
    return made


def _schema(request: Request) -> Response:
    return Response(document())


schema = hidden(as_view(["GET"], _schema, authenticated=False))
docs = SpectacularSwaggerSplitView.as_view(
    url_name="api:schema",
    authentication_classes=[],
    permission_classes=[],
    template_name="api/docs.html",
    http_method_names=["get", "head"],  # OPTIONS would be answered in the form of a page that is not there
)
nowhere = hidden(as_view(EVERY, nothing_here, authenticated=True))
