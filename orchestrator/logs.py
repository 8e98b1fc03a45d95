"""What a line of the log says about a request: its method and path.

Never what stands behind the question mark (people search for names and numbers, the provider hands over a code there),
nor the key of a link to a new password: a log is read by more eyes than a page.
"""

import re
from typing import Any

from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware
from structlog.stdlib import ExtraAdder
from structlog.typing import EventDict

_WITH_KEY = re.compile(r"^(/accounts/(?:password/reset/key|confirm-email)/).+")


def told_path(request: HttpRequest) -> str:
    """The path as it may stand in a log."""
    return _WITH_KEY.sub(r"\1…", request.path)


class Requests(RequestMiddleware):
    """A line as a request begins, and one with its status as it ends."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {told_path(request)}"


class Extras(ExtraAdder):
    """What a record carries besides its words; of a request, which Django adds whole, the same as everywhere."""

    def __call__(self, logger: Any, name: str, event_dict: EventDict) -> EventDict:
        line = super().__call__(logger, name, event_dict)
        request = line.get("request")
        if isinstance(request, HttpRequest):
            line["request"] = Requests.format_request(request)
            line["event"] = str(line["event"]).replace(request.path, told_path(request))
        return line
