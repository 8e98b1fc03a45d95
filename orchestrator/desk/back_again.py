"""After a session ended in the middle of a form: the page of the form comes back with what was entered, unsent."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string

from cases import kept_entries
from cases.kept_entries import Kept
from orchestrator.desk.filling import filled

Answer = Callable[[HttpRequest], HttpResponse]
ELSEWHERE = ("/api/", "/mcp/")
NOTICES = '<div class="notice" id="notices">'  # in base.html


def with_entries(get_response: Answer) -> Answer:
    """Middleware, after the language is known: mark whose forms these are, and fill one in that is asked for."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(ELSEWHERE):
            return get_response(request)
        before = _signed_in(request)
        response = get_response(request)
        now = _signed_in(request)
        if now:
            kept_entries.mark(request, response)
            if request.method == "GET" and (kept := kept_entries.of(request)):
                return _back(request, response, kept)
        elif before and now is False:
            kept_entries.unmark(response)
        return response

    return answer


def _signed_in(request: HttpRequest) -> bool | None:
    """None: nobody knows, as the database does not answer; that is for the page to say."""
    try:
        return bool(request.user.is_authenticated)
    except DatabaseError:
        return None


def _back(request: HttpRequest, response: HttpResponse, kept: Kept) -> HttpResponse:
    key = urlencode({kept_entries.NAME: request.GET[kept_entries.NAME]})
    if response.status_code == 302 and re.fullmatch(r"/[^?/\\][^?]*", response["Location"]):
        response["Location"] += f"?{key}"  # led on, as from an address that only takes forms
    elif response.status_code == 405:
        return HttpResponseRedirect(f"{re.sub(r'[^/]+/?$', '', request.path)}?{key}")
    elif response.status_code == 200 and response.get("Content-Type", "").startswith("text/html"):
        page = response.content.decode()
        again = filled(page, kept.path, kept.fields)
        notice = render_to_string("_kept.html", {"filled": again is not None, "texts": kept.texts}, request)
        response.content = (again or page).replace(NOTICES, NOTICES + notice, 1).encode()
        if response.has_header("Content-Length"):
            response["Content-Length"] = str(len(response.content))
    return response
