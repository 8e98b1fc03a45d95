"""The `http` connector: any JSON API.

Only this file and `wire.py` touch the network. A call goes to the host of the map and nowhere else: no
redirects, no proxies, no cookies, no address that the guard refuses; it is over when the system's time limit
is over.
"""

import logging
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpcore
from django.utils.translation import gettext as _

from agents.connectors import http_answer, http_request, openapi, wire
from agents.connectors.base import (
    Answer,
    Connector,
    ConnectorProblem,
    OperationSpec,
    refuse_write_as_look_up,
    refused,
)
from agents.connectors.credentials import credential_of, problems_of_auth
from agents.connectors.guard import AddressRefused, NameUnknown
from agents.connectors.http_answer import Received
from agents.connectors.http_request import Prepared
from agents.connectors.pauses import pause

log = logging.getLogger(__name__)

LOOK_UP_TRIES = 4
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
DOCUMENT_PLACES = ("/openapi.json", "/api/openapi.json", "/v3/api-docs", "/swagger.json")


class HttpConnector(Connector):
    """A system that speaks JSON over HTTP/1.1."""

    kind = "http"

    def call(self, operation: OperationSpec, arguments: Mapping[str, Any], *, effect_key: str | None = None) -> Answer:
        return self._call(operation, arguments, effect_key, self.system.timeout)

    def look_up(self, operation: OperationSpec, arguments: Mapping[str, Any]) -> Answer:
        if not operation.is_read:
            return refuse_write_as_look_up(operation)
        began = time.monotonic()
        for attempt in range(1, LOOK_UP_TRIES + 1):
            left = self.system.timeout - (time.monotonic() - began)
            answer = self._call(operation, arguments, None, max(left, 0.05))
            wait = pause(
                attempt,
                retry_after=answer.retry_after,
                random=random.random,
                first=FIRST_PAUSE,
                most=LONGEST_PAUSE,
            )
            left = self.system.timeout - (time.monotonic() - began)
            # A longer wait than this call may last is the caller's to keep: it comes back with `retry_after`.
            if not answer.retryable or attempt == LOOK_UP_TRIES or wait >= left:
                break
            time.sleep(wait)
        return replace(answer, seconds=time.monotonic() - began)

    def health(self) -> tuple[bool, str]:
        try:
            received = self._get("/", self.system.timeout)
        except ConnectorProblem as problem:
            return False, str(problem)
        status = received.status
        if status in {401, 403}:
            return False, _("The system answers, but does not accept the sign-in (%(status)s).") % {"status": status}
        if status >= 500:
            return False, _("The system answers with an error of its own (%(status)s).") % {"status": status}
        return True, _("The system answers.")

    def discover(self) -> list[dict[str, Any]]:
        for place in DOCUMENT_PLACES:
            received = self._get(place, self.system.timeout)
            if received.status == 200 and not received.broken:
                return openapi.drafts_of(self.system.name, self._document(received))
        raise ConnectorProblem(
            _("The system has no OpenAPI document at %(places)s.") % {"places": ", ".join(DOCUMENT_PLACES)}
        )

    def problems(self, operation: OperationSpec) -> list[str]:
        found = problems_of_auth(self.system.auth) + http_request.problems_of_call(operation)
        found += http_answer.problems_of_shape(self.system.answer)
        try:
            http_request.base_of(self.system.url)
        except ConnectorProblem as problem:
            found.insert(0, str(problem))
        return found

    def _check_shape(self) -> None:
        found = http_answer.problems_of_shape(self.system.answer)
        if found:
            raise ConnectorProblem(found[0])

    def _call(
        self, operation: OperationSpec, arguments: Mapping[str, Any], effect_key: str | None, seconds: float
    ) -> Answer:
        read, began = operation.is_read, time.monotonic()
        try:
            self._check_shape()
            credential = credential_of(self.system.auth, self.store)
            prepared = http_request.prepare(self.system.url, operation, arguments, effect_key, credential)
        except ConnectorProblem as problem:
            return refused(str(problem), read=read)
        with wire.sending(seconds) as sending:
            try:
                received = _exchange(wire.POOLS.pool_of(self.system), prepared)
            except Exception as error:
                answer = _answer_to_failure(error, sending=sending, read=read)
                return replace(answer, seconds=time.monotonic() - began)
        return http_answer.answer_of(
            received,
            read=read,
            shape=self.system.answer,
            credential=credential,
            now=datetime.now(UTC),
            seconds=time.monotonic() - began,
        )

    def _get(self, path: str, seconds: float) -> Received:
        """A plain GET below the system's address. Raises ConnectorProblem with words if no answer came."""
        credential = credential_of(self.system.auth, self.store)
        look = OperationSpec(name=f"{self.system.name}.get", kind="read", call={"method": "GET", "path": path})
        prepared = http_request.prepare(self.system.url, look, {}, None, credential)
        with wire.sending(seconds) as sending:
            try:
                return _exchange(wire.POOLS.pool_of(self.system), prepared)
            except Exception as error:
                raise ConnectorProblem(_answer_to_failure(error, sending=sending, read=True).error) from None

    def _document(self, received: Received) -> object:
        try:
            body = http_answer.unpacked(received.body, received.headers.get("content-encoding", ""))
            return http_answer.read_json(body.decode("utf-8-sig"))
        except (http_answer.Unreadable, UnicodeDecodeError) as error:
            raise ConnectorProblem(_("The system's OpenAPI document cannot be read.")) from error


def _exchange(pool: httpcore.ConnectionPool, prepared: Prepared) -> Received:
    """Send one request and take in its answer, as much of it as may come. Raises httpcore's errors until a
    status is there."""
    url = httpcore.URL(scheme=prepared.scheme, host=prepared.host, port=prepared.port, target=prepared.target)
    limit = {"timeout": {"pool": wire.seconds_left()}}
    with pool.stream(
        prepared.method, url, headers=prepared.headers, content=prepared.content, extensions=limit
    ) as response:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        body, broken = bytearray(), ""
        try:
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > http_answer.MOST_BYTES:
                    broken = _("it is too big")
                    break
        except httpcore.TimeoutException:
            broken = _("it did not end in time")
        except (httpcore.NetworkError, httpcore.ProtocolError):
            broken = _("it was cut off")
        return Received(response.status, headers, b"" if broken else bytes(body), broken)


def _answer_to_failure(error: Exception, *, sending: wire.Sending, read: bool) -> Answer:
    """The answer when none came. What httpcore's errors say is not passed on: it may hold a header's
    value."""
    words, again = _words_for(error)
    if sending.sent and not read:
        return Answer(False, "unknown", error=words)
    return Answer(False, "failed" if read else "not_sent", error=words, retryable=again)


def _words_for(error: Exception) -> tuple[str, bool]:
    if isinstance(error, AddressRefused):
        return str(error), False
    if isinstance(error, NameUnknown):
        return str(error), True
    if isinstance(error, httpcore.PoolTimeout):
        return _("Too many calls to this system are under way."), True
    if isinstance(error, httpcore.ConnectTimeout | httpcore.ConnectError):
        return _("The system cannot be reached."), True
    if isinstance(error, httpcore.TimeoutException):
        return _("The system did not answer in time."), True
    if isinstance(error, httpcore.LocalProtocolError):
        return _("The call cannot be put into a request."), False
    if isinstance(error, httpcore.NetworkError | httpcore.ProtocolError):
        return _("The connection broke before the answer came."), True
    log.error("a call to a system ended in an unexpected error (%s)", type(error).__name__)
    return _("The call ended in an error of this product (%(kind)s).") % {"kind": type(error).__name__}, False
