"""Refusals and breakdowns become pages here, and nowhere else. The API turns them into JSON by itself, but for what
never reaches it.
"""

import logging
import sys
import uuid
from collections.abc import Callable

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _

from cases.errors import Refusal

logger = logging.getLogger(__name__)
Answer = Callable[[HttpRequest], HttpResponse]
ELSEWHERE = ("/api/", "/mcp/", "/admin/")
PROGRAMS = ELSEWHERE[:2]


class RefusalPages:
    """A `Refusal` that leaves a view becomes a page with its status and its words. Nothing was changed."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path_info.startswith(PROGRAMS):
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
    if request.path_info.startswith(PROGRAMS):
        host = isinstance(exception, DisallowedHost)
        words = _("The service does not answer to this host name. Nothing was changed.")
        return _told(400, "invalid", words if host else _("What you sent cannot be read. Nothing was changed."))
    return render(request, "400.html", status=400)


def broken(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the database does not answer: plain HTML, no database, a reference for the log."""
    error = sys.exc_info()[1]
    reference = uuid.uuid4().hex[:8]
    logger.error("Page broke, reference %s", reference, exc_info=error)
    down = isinstance(error, OperationalError | InterfaceError)
    status = 503 if down else 500
    response: HttpResponse
    if request.path_info.startswith(PROGRAMS):
        words = _("Something went wrong on our side. It was noted. Ask again with the same Idempotency-Key.")
        if down:
            words = _("The service cannot answer at this moment. Ask again soon, with the same Idempotency-Key.")
        response = _told(status, "unavailable", words)
    else:
        response = HttpResponse(loader.render_to_string(f"{status}.html", {"reference": reference}), status=status)
    if down:
        response.headers["Retry-After"] = "10"
    return response


def _told(status: int, code: str, words: str) -> JsonResponse:
    """A refusal as a program reads it, before the API saw the call."""
    return JsonResponse({"code": code, "message": words, "detail": {}}, status=status)


def _back(request: HttpRequest) -> str:
    """Where the form was, as the browser tells it, on this site only."""
    came_from = request.headers.get("Referer", "")
    host = f"{request.scheme}://{request.get_host()}/"
    return came_from.removeprefix(host.rstrip("/")) if came_from.startswith(host) else "/"
