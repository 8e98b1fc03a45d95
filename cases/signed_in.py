"""The door of every page: who is not signed in goes to sign-in and comes back to a page that opens."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Sign-in first. After a form whose session had ended, the way back leads to the page of the form."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method in ("GET", "HEAD"):
            return redirect_to_login(request.get_full_path())
        came_from = urlsplit(request.headers.get("Referer", ""))
        same = came_from.netloc == request.get_host()
        return redirect_to_login(came_from.path if same and came_from.path else resolve_url("/"))

    return answer
