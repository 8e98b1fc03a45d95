"""One request in, one answer out: who may ask, what goes wrong on demand, effect keys, then the operation.

No sockets here: `server.py` sends what this decides, waits as `wait` says and hangs up where `cut` says so.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from orchestrator.demo.company.calls import Call, Done, Record, Route, stamp
from orchestrator.demo.company.control import Control
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.faults import Fault, Faults
from orchestrator.demo.company.openapi import document
from orchestrator.demo.company.operations import ROUTES
from orchestrator.demo.company.routing import Routing
from orchestrator.demo.company.store import Store

MOST_READS = 50_000


@dataclass(frozen=True)
class Request:
    """What came over the wire; header names in small letters."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    from_here: bool


@dataclass(frozen=True)
class Answer:
    """What goes back: after `wait` seconds, or, if `cut`, nothing but the end of the connection."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: bool = False


class Company:
    """The whole company behind one method, `answer`."""

    def __init__(self, store: Store, token: str, most_reads: int = MOST_READS) -> None:
        self.store = store
        self.faults = Faults()
        self.reads: deque[Record] = deque(maxlen=most_reads)
        self.routing = Routing(ROUTES)
        self.control = Control(store, self.faults, self.reads, {route.operation for route in ROUTES})
        self._token = f"Bearer {token}".encode()
        self._document = document(ROUTES)

    def answer(self, request: Request) -> Answer:
        """The answer to a request; refusals become answers here and nowhere else."""
        try:
            return self._answer(request)
        except Refused as refused:
            return Answer(refused.status, refused.body())

    def _answer(self, request: Request) -> Answer:
        if request.path == "/health":
            return Answer(body={"status": "ok", "today": self.store.today.isoformat()})
        if request.path == "/openapi.json":
            return Answer(body=self._document)
        if request.path.startswith("/_control/"):
            if not request.from_here:
                raise Refused(403, "forbidden", "The control addresses answer to this machine only.")
            return Answer(body=self.control.answer(request.method, request.path, request.query, request.body))
        self._check_token(request)
        route, params = self.routing.find(request.method, request.path)
        with self.store.lock:
            fault = self.faults.take(route.operation)
        if fault and fault.kind not in ("cut_after_write", "late_answer"):
            return _before(fault)
        try:
            answer = self._run(route, params, request)
        except Refused as refused:
            answer = Answer(refused.status, refused.body())
        return _after(fault, answer) if fault else answer

    def _check_token(self, request: Request) -> None:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._token):
            raise Refused(401, "unauthenticated", "The bearer token is missing or wrong.")

    def _run(self, route: Route, params: dict[str, str], request: Request) -> Answer:
        call = Call(
            params=params,
            query=self.routing.query(route, request.query),
            body=self.routing.body(route, request.body),
            at=self.store.now(),
            if_match=request.headers.get("if-match"),
        )
        with self.store.lock:
            return self._write(route, call, request) if route.writes else self._read(route, call)

    def _read(self, route: Route, call: Call) -> Answer:
        found = route.handler(self.store, call)
        if isinstance(found, Done):
            raise TypeError(f"{route.operation} is a read and answered as a write")
        self.reads.append({"at": call.at_text, "operation": route.operation, "records": found.ids})
        return Answer(body=found.body)

    def _write(self, route: Route, call: Call, request: Request) -> Answer:
        key = request.headers.get("idempotency-key")
        asked = _fingerprint(call)
        if key and route.operation not in self.store.ignored_keys:
            earlier = self.store.answers.get((route.operation, key))
            if earlier and earlier["asked"] != asked:
                raise Refused(422, "key_reused", "This key was used before with other arguments.")
            if earlier:
                return Answer(earlier["status"], earlier["answer"], {"Idempotent-Replay": "true"})
        done = route.handler(self.store, call)
        if not isinstance(done, Done):
            raise TypeError(f"{route.operation} is a write and answered as a read")
        self.store.commit(
            operation=route.operation,
            key=key,
            asked=asked,
            arguments={**call.params, **call.body},
            at=stamp(call.at),
            done=done,
        )
        return Answer(done.status, done.body)


def _before(fault: Fault) -> Answer:
    """A fault in which the operation never runs."""
    if fault.kind == "hang":
        return Answer(wait=fault.seconds, cut=True)
    if fault.kind == "cut_before":
        return Answer(cut=True)
    status = 503 if fault.kind == "503" else fault.status
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Answer(status, Refused(status, "unavailable", "The system does not answer just now.").body(), headers)


def _after(fault: Fault, answer: Answer) -> Answer:
    """A fault in which the operation ran and only its answer suffers."""
    if fault.kind == "cut_after_write":
        return Answer(cut=True)
    return Answer(answer.status, answer.body, answer.headers, wait=fault.seconds)


def _fingerprint(call: Call) -> str:
    text = json.dumps([call.params, call.body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
