"""`/livez` says that this process answers; `/readyz` that database, schema and broker do; `/metrics` counts.

They show no names, versions or addresses, and need no sign-in.
"""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from kombu import Connection

logger = logging.getLogger(__name__)
Answer = Callable[[HttpRequest], HttpResponse]


def liveness(get_response: Answer) -> Answer:
    """Answer `/livez` before anything that could need the database, the cache or a known host name."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info == "/livez" and request.method in {"GET", "HEAD"}:
            return HttpResponse("alive\n", content_type="text/plain", headers={"Cache-Control": "no-store"})
        return get_response(request)

    return answer


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 if database and broker answer, else 503; the body names what does not."""
    parts = {"database": _database_answers(), "broker": _broker_answers()}
    ready = all(parts.values())
    return JsonResponse(
        {"ready": ready, **{name: "up" if up else "down" for name, up in parts.items()}},
        status=200 if ready else 503,
    )


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("The database does not answer: %s", type(error).__name__)
        return False
    return True


_broker_seen: tuple[float, bool] = (0.0, False)
BROKER_ANSWER_KEPT = 2.0  # seconds: a probe every moment opens no connection every moment


def _broker_answers() -> bool:
    global _broker_seen
    at, up = _broker_seen
    if time.monotonic() - at < BROKER_ANSWER_KEPT:
        return up
    _broker_seen = (time.monotonic(), broker_answers(settings.BROKER_URL))
    return _broker_seen[1]


def broker_answers(url: str) -> bool:
    """True if a connection to the broker at `url` can be opened within two seconds."""
    try:
        with Connection(url, connect_timeout=2, transport_options={"socket_connect_timeout": 2}) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except Exception as error:  # an edge: every transport has errors of its own
        logger.warning("The broker does not answer: %s", type(error).__name__)
        return False
    return True
