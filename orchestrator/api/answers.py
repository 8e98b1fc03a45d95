"""One place that turns every refusal and error of the API into `{code, message, detail}`.

An error of ours never shows its text: it is logged, and the answer says that it was.
"""

import logging
from typing import Any

from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from cases.errors import NoRight, NotFound, Refusal
from orchestrator.api.errors import (
    BadRequest,
    Broken,
    TooLarge,
    Unauthenticated,
    Unavailable,
    WrongMethod,
)
from orchestrator.api.plain import plain

log = logging.getLogger(__name__)
RETRY_AFTER = {"not_open": 2}  # seconds, for refusals of the floors that end by themselves


def body_of(refusal: Refusal) -> dict[str, Any]:
    """The body of the answer to a refusal."""
    return {"code": refusal.code, "message": refusal.message, "detail": plain(dict(refusal.detail))}


def answer_to(error: Exception, context: dict[str, Any] | None = None) -> Response:
    """DRF's exception handler: the one answer to whatever was raised in a call."""
    refusal = _as_refusal(error)
    response = Response(body_of(refusal), status=refusal.http_status)
    retry_after = refusal.detail.get("retry_after") or getattr(refusal, "retry_after", RETRY_AFTER.get(refusal.code))
    if retry_after:
        response["Retry-After"] = str(retry_after)
    if isinstance(refusal, Unauthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    if isinstance(error, exceptions.MethodNotAllowed) and context:
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def _as_refusal(error: Exception) -> Refusal:
    for kinds, make in _KNOWN:
        if isinstance(error, kinds):
            refusal: Refusal = make(error)
            return refusal
    log.exception("api.error", exc_info=error)
    return Broken()


def _database(error: Exception) -> Refusal:
    log.warning("api.database_unavailable", exc_info=error)
    if not connection.in_atomic_block:
        connection.close()
    return Unavailable()


def _wrong_method(error: Exception) -> Refusal:
    method = str(getattr(error, "detail", "")).partition('"')[2].partition('"')[0]
    if not method:
        return WrongMethod()
    return WrongMethod(_("This address does not answer %(method)s. Nothing was changed.") % {"method": method})


_KNOWN: list[tuple[tuple[type[Exception], ...], Any]] = [
    ((Refusal,), lambda e: e),
    ((Http404, exceptions.NotFound), lambda e: NotFound()),
    ((PermissionDenied, exceptions.PermissionDenied), lambda e: NoRight()),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), lambda e: Unauthenticated()),
    ((exceptions.MethodNotAllowed,), _wrong_method),
    ((RequestDataTooBig,), lambda e: TooLarge()),
    ((exceptions.ParseError, DjangoBadRequest, SuspiciousOperation), lambda e: BadRequest()),
    ((OperationalError, InterfaceError), _database),
]
