"""The language and the time zone of a page: the person's own, before what the browser asks for."""

import zoneinfo
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from orchestrator.desk.selectors.shell import forget_shell, shell_of

Answer = Callable[[HttpRequest], HttpResponse]
ELSEWHERE = ("/api/", "/mcp/", "/approvals/news/")  # the last is polled, and told its language


def of_person(get_response: Answer) -> Answer:
    """Middleware, after sign-in is known: speak the person's language in the company's time zone."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(ELSEWHERE):
            _speak(request)
        try:
            return get_response(request)
        finally:
            timezone.deactivate()
            if request.method == "POST" and request.user.is_authenticated:
                forget_shell(request.user.pk)  # what a person just did shows in the counts at once

    return answer


def _speak(request: HttpRequest) -> None:
    try:
        if not request.user.is_authenticated:
            return
        shell = shell_of(request.user)
    except DatabaseError:
        return
    if shell.language:
        translation.activate(shell.language)
        request.LANGUAGE_CODE = translation.get_language() or "en"
    if shell.zone in zoneinfo.available_timezones():
        timezone.activate(zoneinfo.ZoneInfo(shell.zone))
