"""`/livez` says that this process answers; `/readyz` that database, schema and broker do; `/metrics` counts.

They show no names, versions or addresses, and need no sign-in.
"""

import logging
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
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
    """200 if database and broker answer and the schema is that of this code, else 503; the body names what is not."""
    parts = {"database": "up", "schema": "up", "broker": "up" if _broker_answers() else "down"}
    if not _database_answers():
        parts |= {"database": "down", "schema": "unknown"}
    elif not _schema_fits():
        parts["schema"] = "behind"
    ready = set(parts.values()) == {"up"}
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("The database does not answer: %s", type(error).__name__)
        return False
    return True


_schema_seen = False  # a schema that fits once fits for as long as this process runs


def _schema_fits() -> bool:
    """True if every migration of this code was run. What a newer version has run besides is its own affair."""
    global _schema_seen
    if not _schema_seen:
        try:
            _schema_seen = not (_migrations_of_code() - set(MigrationRecorder(connection).applied_migrations()))
        except DatabaseError as error:  # the role of a database that nobody migrated may not even look
            logger.warning("The schema cannot be read: %s", type(error).__name__)
    return _schema_seen


def _migrations_of_code() -> set[tuple[str, str]]:
    """App and name of each, by the names of their files: to load them all would cost each process their memory."""
    found = set()
    for app in apps.get_app_configs():
        name, _given = MigrationLoader.migrations_module(app.label)
        if name and find_spec(name):
            folders = import_module(name).__path__
            found |= {(app.label, one.name) for one in iter_modules(folders) if one.name[0] not in "_~"}
    return found


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
