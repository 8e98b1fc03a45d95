"""Idempotency-Key: the first answer is kept and given again, and no key makes two things.

`together`: key, change and answer are one transaction, so a killed process leaves all of it or nothing
(intake, decisions). `apart`: for calls that reach a system, where no transaction may be open. There an
advisory lock says who is running it; PostgreSQL frees the lock of a process that died, and the next one
carries the same call out again: the floors find the same write by case, operation and arguments, so it is
answered what is known of it.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from agents.errors import NotOpen, Unfinished
from cases.canonical import digest
from cases.clock import database_now
from cases.errors import Refusal
from orchestrator.api.calls import Answer, Call, refused
from orchestrator.api.errors import InProgress, KeyReused, Throttled, Unauthenticated, Unavailable
from orchestrator.api.models import IdempotentCall

Work = Callable[[], Answer]
# These ask the program to try again, so the next try must be free to end otherwise.
NOT_KEPT = (NotOpen, Unfinished, InProgress, Throttled, Unavailable, Unauthenticated)


def together(call: Call, work: Work) -> Answer:
    """Carry `work` out once under the call's key, in one transaction with the key."""
    if not call.key:
        return work()
    with transaction.atomic():
        if not _ask("SELECT pg_try_advisory_xact_lock(%s)", _lock_of(call)):
            raise InProgress
        row = _find(call)
        if row is not None:
            return _kept(row, call)
        answer = _carry_out(work)
        _reserve(call, answer)
    return answer


def apart(call: Call, work: Work, then: Callable[[Answer], Answer]) -> Answer:
    """Carry `work` out once under the call's key, outside any transaction; `then` may wait for a newer
    answer.
    """
    if not call.key:
        return then(work())
    lock = _lock_of(call)
    if not _ask("SELECT pg_try_advisory_lock(%s)", lock):
        raise InProgress
    try:
        row = _find(call)
        if row is not None and row.state == IdempotentCall.DONE:
            return _kept(row, call)
        if row is not None:
            _check_same(row, call)
        row = row or _reserve(call)
        answer = _carry_out(work)
        _store(row, answer)
    except NOT_KEPT:
        IdempotentCall.objects.filter(token=call.token, key=call.key, state=IdempotentCall.RUNNING).delete()
        raise
    finally:
        _ask("SELECT pg_advisory_unlock(%s)", lock)
    later = _carry_out(lambda: then(answer))
    if later is not answer:
        _store(row, later)
    return later


def _carry_out(work: Work) -> Answer:
    try:
        return work()
    except NOT_KEPT:
        raise
    except Refusal as refusal:
        return refused(refusal)


def _find(call: Call) -> IdempotentCall | None:
    return IdempotentCall.objects.filter(token=call.token, key=call.key).first()


def _reserve(call: Call, answer: Answer | None = None) -> IdempotentCall:
    row = IdempotentCall(
        token=call.token,
        key=call.key,
        body_hash=_hash_of(call),
        path=call.request.path,
        created_at=database_now(),
    )
    if answer is not None:
        _fill(row, answer)
    row.save(force_insert=True)
    return row


def _store(row: IdempotentCall, answer: Answer) -> None:
    _fill(row, answer)
    row.save(update_fields=["state", "status", "answer"])


def _fill(row: IdempotentCall, answer: Answer) -> None:
    row.state, row.status, row.answer = IdempotentCall.DONE, answer.status, json.dumps(answer.data)


def _kept(row: IdempotentCall, call: Call) -> Answer:
    _check_same(row, call)
    return Answer(json.loads(row.answer), row.status or 200, {"Idempotency-Replayed": "true"})


def _check_same(row: IdempotentCall, call: Call) -> None:
    if (row.path, row.body_hash) != (call.request.path, _hash_of(call)):
        raise KeyReused(path=row.path, at=row.created_at)


def _hash_of(call: Call) -> str:
    return digest(dict(call.body))


def _lock_of(call: Call) -> int:
    """A number for PostgreSQL's advisory locks: 64 bits of SHA-256 over token and key."""
    name = f"api call {call.token.pk} {call.key}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)


def _ask(question: str, number: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question, [number])
        return cursor.fetchone()[0]
