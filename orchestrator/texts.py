"""Text that PostgreSQL cannot hold is refused at the door of the pages, for every form and address at once."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

Answer = Callable[[HttpRequest], HttpResponse]
ELSEWHERE = ("/api/", "/mcp/")  # their bodies are read strictly (orchestrator/api/parsing.py)


def storable(get_response: Answer) -> Answer:
    """400 for U+0000 in what a browser sent. Browsers never send it; the database would break on it."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(ELSEWHERE):
            sent = [request.GET, request.POST] if request.method == "POST" else [request.GET]
            for data in sent:
                if any("\x00" in text for name, values in data.lists() for text in (name, *values)):
                    raise BadRequest("U+0000")
        return get_response(request)

    return answer
