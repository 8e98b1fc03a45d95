"""The door of every page: who is not signed in goes to sign-in and comes back to a page that opens."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from cases import kept_entries

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Sign-in first. After a form whose session had ended, the way back leads to its page, filled in again."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method in ("GET", "HEAD"):
            return redirect_to_login(request.get_full_path())
        return redirect_to_login(_page_of_form(request))

    return answer


def _page_of_form(request: HttpRequest) -> str:
    """Where the form was, on this site only, with the key to what was entered there."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    same = came_from.netloc == request.get_host() and re.match(r"/(?![/\\])", came_from.path)
    path, query = (came_from.path, parse_qsl(came_from.query)) if same else (resolve_url("/"), [])
    key = kept_entries.keep(request)
    query = [pair for pair in query if pair[0] != kept_entries.NAME] + ([(kept_entries.NAME, key)] if key else [])
    return f"{path}?{urlencode(query)}" if query else path
