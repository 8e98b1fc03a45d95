"""Refusals and breakdowns become pages here, and nowhere else. The API turns them into JSON by itself."""

import logging
import sys
import uuid
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _

from cases.errors import Refusal

logger = logging.getLogger(__name__)
Answer = Callable[[HttpRequest], HttpResponse]
ELSEWHERE = ("/api/", "/mcp/", "/admin/")


class RefusalPages:
    """A `Refusal` that leaves a view becomes a page with its status and its words. Nothing was changed."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path_info.startswith(ELSEWHERE[:2]):
            return None
        if isinstance(exception, RequestDataTooBig):
            return too_large(request)
        if not isinstance(exception, Refusal):
            return None
        headings = {
            403: _("You may not do this"),
            404: _("There is nothing here"),
            409: _("This changed in the meantime"),
            422: _("This entry cannot be used"),
            503: _("This is not available now"),
        }
        return render(
            request,
            "errors/refusal.html",
            {
                "heading": headings.get(exception.http_status, _("This was not done")),
                "message": exception.message,
                "people": exception.detail.get("people") or [],
                "back": _back(request),
            },
            status=exception.http_status,
        )


def too_large(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/413.html", {"back": _back(request)}, status=413)


def too_many(request: HttpRequest) -> HttpResponse:
    """429 of the pages around sign-in, whose limits count by the minute."""
    response = render(request, "429.html", status=429)
    response.headers["Retry-After"] = "60"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 when the request was too large to be read."""
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    return render(request, "400.html", status=400)


def broken(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the database does not answer: plain HTML, no database, a reference for the log."""
    error = sys.exc_info()[1]
    reference = uuid.uuid4().hex[:8]
    logger.error("Page broke, reference %s", reference, exc_info=error)
    down = isinstance(error, OperationalError | InterfaceError)
    page = loader.render_to_string("503.html" if down else "500.html", {"reference": reference})
    response = HttpResponse(page, status=503 if down else 500)
    if down:
        response.headers["Retry-After"] = "10"
    return response


def _back(request: HttpRequest) -> str:
    """Where the form was, as the browser tells it, on this site only."""
    came_from = request.headers.get("Referer", "")
    host = f"{request.scheme}://{request.get_host()}/"
    return came_from.removeprefix(host.rstrip("/")) if came_from.startswith(host) else "/"
