"""Headers that every page gets: not kept by caches, no rights for browser features."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Answer = Callable[[HttpRequest], HttpResponse]

POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def private_pages(get_response: Answer) -> Answer:
    """Pages show people's data, so no cache may keep one. Static files are answered before this."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return answer
