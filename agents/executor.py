"""The executor: the only door to levels 3 and 4. Reserve the effect key, commit, send, read back, record.

Every write ends written, differs, failed or unknown. Unknown is never retried blindly: with the same effect key where
the system honours it, looked up where it can be, else a person is asked ("Records to repair").
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents import reaching, transitions
from agents.configuration import Configuration
from agents.connectors import Answer
from agents.connectors.pauses import pause
from agents.errors import Stale
from agents.facts import request_values
from agents.models import CompanyCalls, Operation, Write
from cases import placeholders, rows
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.clock import database_now
from cases.ledger import Entry
from cases.models import Case, Message
from cases.plainly import plain
from cases.texts import language_of
from cases.transitions import Draft
from cases.values import UNKNOWN, dig, number

W = Write.State
TRIES = 5
SETTLING, SLOWEST = timedelta(seconds=60), 5  # at least, or so many times its time-out: until it shows what it did
MARGIN = timedelta(seconds=30)  # beyond the system's own time-out, before a reserved write counts as unknown


@dataclass(frozen=True)
class Outcome:
    """What became of one call, as it will be recorded."""

    state: str
    answer: Answer
    result: Any = None
    reference: str = ""
    error: str = ""
    read_back: Mapping[str, Any] | None = None
    try_in: float | None = None
    counts: bool = True  # as one of the TRIES
    settling: bool = False  # not done as far as its system shows, which may be doing it still
    resent: bool = False  # what is sent next may have been done before


def reserve(write: Write, *, operation: Operation, now: datetime, began: float) -> Entry:
    """Reserve the effect before it is called. Runs in the reserving transaction, after every check.

    The undo receipt is stored here: how to reverse it is known before it happens. `began` is this process's monotonic
    clock from before `now` was asked for: a call that begins within MARGIN of it has ended when the lease does.
    """
    write.start_by = began + MARGIN.total_seconds()
    arguments = write.proposed if write.decided is None else write.decided
    lease = now + timedelta(seconds=operation.system.timeout_seconds) + MARGIN
    transitions.move_write(
        write,
        W.RESERVED,
        held_claim=write.claim,
        claim=write.claim + 1,
        carried_out=arguments,
        decided=arguments,
        placed_at=write.placed_at or now,
        reserved_at=now,
        lease_until=lease,
        attempts=write.attempts + 1,
        resent=write.resent or write.state == W.UNKNOWN,
        receipt=receipt_of(operation, arguments, None, now),
        try_at=None,
    )
    return Entry("write.reserved", CONTROL, _data(write, operation, arguments=hidden(operation, arguments)))


def send(write: Write, operation: Operation, config: Configuration) -> Outcome:
    """Call the system, outside any transaction, and read back what it wrote.

    Raises `Stale` if this worker slept since it reserved: another one may have found out meanwhile that nothing was
    done, and a person may have done it by hand. What begins in time is over before the lease (`wire.sending`).
    """
    if time.monotonic() > write.start_by:
        raise Stale
    key = str(write.pk) if effect_key_honoured(operation) else None
    answer = reaching.ask(operation, write.carried_out or {}, effect_key=key)
    if answer.held_back:
        state = W.UNKNOWN if write.resent else W.PERMITTED
        return Outcome(state, answer, error=answer.error, try_in=_again(write, answer), counts=False)
    return judge_answer(write, operation, config, answer)


def judge_answer(write: Write, operation: Operation, config: Configuration, answer: Answer) -> Outcome:
    """What an answer means for the write."""
    if answer.ok:
        return _read_back(write, operation, config, answer)
    if answer.outcome == "unknown" or write.resent:  # the first sending may still be under way over there
        return Outcome(W.UNKNOWN, answer, error=answer.error, try_in=_again(write, answer))
    if answer.retryable and write.attempts < TRIES:
        return Outcome(W.PERMITTED, answer, error=answer.error, try_in=_again(write, answer))
    return Outcome(W.FAILED, answer, error=answer.error or _("The system refused."))


def _again(write: Write, answer: Answer) -> float:
    return pause(write.attempts, retry_after=answer.retry_after, random=random.random)


def _read_back(write: Write, operation: Operation, config: Configuration, answer: Answer) -> Outcome:
    """Written and read back equal, or differs. Without a read-back the system's word counts."""
    result = plain(answer.data)
    reference = reference_of(result)
    spec = operation.read_back
    reading = config.operations.get(str(spec.get("read"))) if spec else None
    if reading is None:
        return Outcome(W.WRITTEN, answer, result, reference)
    values = {**(write.carried_out or {}), "result": result}
    arguments, missing = placeholders.fill(spec.get("arguments", {}), values)
    expected, unfilled = placeholders.fill(spec.get("expect", {}), values)
    if missing or unfilled:
        return Outcome(W.DIFFERS, answer, result, reference, _("It cannot be read back: the answer lacks a value."))
    seen = reaching.ask(reading, arguments)
    if not seen.ok:  # the system said it was written; that it cannot be read now does not undo that
        return Outcome(W.WRITTEN, answer, result, reference, read_back={"ok": False, "why": seen.error})
    different = {
        path: {"expected": want, "found": None if (got := dig(seen.data, path)) is UNKNOWN else plain(got)}
        for path, want in expected.items()
        if not equal(dig(seen.data, path), want)
    }
    if different:
        words = "; ".join(f"{p}: {d['expected']} ≠ {d['found']}" for p, d in different.items())
        return Outcome(W.DIFFERS, answer, result, reference, words, read_back={"ok": True, "different": different})
    return Outcome(W.WRITTEN, answer, result, reference, read_back={"ok": True, "equal": sorted(expected)})


def equal(found: Any, expected: Any) -> bool:
    """Equal for a read-back: numbers by value, everything else exactly."""
    if found is UNKNOWN:
        return False
    a, b = number(found), number(expected)
    if a is not UNKNOWN and b is not UNKNOWN and isinstance(found, str) == isinstance(expected, str):
        return bool(a == b)
    return bool(plain(found) == plain(expected)) or (a is not UNKNOWN and a == b)


def record(draft: Draft, case: Case, write: Write, outcome: Outcome, *, config: Configuration, now: datetime) -> None:
    """Store the outcome of a reserved write under the case lock. The turn does not matter: effects are always told."""
    operation = write.operation
    if write.state == outcome.state == W.UNKNOWN:
        _still_unknown(draft, write, outcome, now)
        return
    final = outcome.state in Write.FINAL
    transitions.move_write(
        write,
        outcome.state,
        held_claim=write.claim,
        result=outcome.result,
        reference=outcome.reference,
        error=outcome.error[:600],
        lease_until=None,
        attempts=write.attempts - (not outcome.counts),
        resent=write.resent or outcome.resent,
        try_at=now + timedelta(seconds=outcome.try_in) if outcome.try_in is not None else None,
        ended_at=now if final else None,
        receipt=receipt_of(operation, write.carried_out or {}, outcome.result, now),
    )
    code = {
        W.WRITTEN: "write.written",
        W.DIFFERS: "write.differs",
        W.FAILED: "write.failed",
        W.UNKNOWN: "write.unknown",
        W.PERMITTED: "write.retry",
    }[W(outcome.state)]
    data = _data(
        write,
        operation,
        reference=outcome.reference,
        error=outcome.error,
        read_back=outcome.read_back,
        result=hidden(operation, outcome.result) if isinstance(outcome.result, Mapping) else outcome.result,
        seconds=round(outcome.answer.seconds, 3),
        try_at=write.try_at,
    )
    draft.add(Entry(code, CONTROL, data))
    if outcome.state == W.PERMITTED and is_lone(write):
        draft.add(not_started(write, why="not_reached", words=outcome.error, now=now))
    if outcome.state == W.WRITTEN:
        draft.add(**_into_conversation(case, write, config, now))


def is_lone(write: Write) -> bool:
    """Whether a call from outside the flow made it: nobody sends it again, so what was not done is over."""
    return write.proposal_id is None and not write.place


def lost(write: Write) -> Entry:
    """A reserved write whose process is gone, and which no step finds again: nobody knows what became of it."""
    transitions.move_write(
        write, W.UNKNOWN, held_claim=write.claim, lease_until=None, error=_("The process that wrote it was lost.")
    )
    return Entry("write.unknown", CONTROL, _data(write, write.operation, error=write.error))


def given_up(write: Write) -> Entry:
    """What became of a begun write is not found out by a worker any more: a person does. See `needs_person`."""
    changes = {"attempts": TRIES, "lease_until": None, "try_at": None}
    if write.state == W.RESERVED:
        transitions.move_write(write, W.UNKNOWN, error=_("The process that wrote it was lost."), **changes)
    else:
        rows.change(write, changes, guard={"state": W.UNKNOWN}, missed=Stale)
    return Entry("write.unknown", CONTROL, _data(write, write.operation, error=write.error))


def not_started(write: Write, *, why: str, words: str, now: datetime) -> Entry:
    """A write of no proposal that was not done, and that nobody sends any more."""
    transitions.move_write(write, W.WITHDRAWN, ended_at=now, try_at=None, error=words[:600])
    return Entry("write.not_started", CONTROL, _data(write, write.operation, why=why, words=words))


def _still_unknown(draft: Draft, write: Write, outcome: Outcome, now: datetime) -> None:
    """It was looked up and nothing new is known: looked up again later, and after some tries a person is asked."""
    write.attempts += outcome.counts and not outcome.answer.held_back
    write.try_at = now + timedelta(seconds=outcome.try_in) if outcome.try_in is not None else None
    rows = Write.objects.filter(pk=write.pk, state=W.UNKNOWN, claim=write.claim)
    if not rows.update(attempts=write.attempts, try_at=write.try_at, error=outcome.error[:600]):
        raise Stale
    draft.add(Entry("write.still_unknown", CONTROL, _data(write, write.operation, error=outcome.error)))


def recover(write: Write, operation: Operation, config: Configuration) -> Outcome | None:
    """Find out about a write whose outcome is not known. None: send it again with the same effect key.

    Called outside any transaction by the worker that holds the claim.
    """
    if effect_key_honoured(operation) and write.attempts < TRIES:
        return None
    nothing = Answer(ok=False, outcome="unknown")
    look_up = operation.effect_key.get("look_up") if isinstance(operation.effect_key, Mapping) else None
    reading = config.operations.get(str(look_up)) if look_up else None
    if reading is None:
        return Outcome(W.UNKNOWN, nothing, error=write.error or _("The system did not answer."))
    names = reading.arguments.get("properties", {})
    given = {n: v for n, v in (write.carried_out or {}).items() if n in names}
    if "effect_key" in names:
        given["effect_key"] = str(write.pk)
    answer = reaching.ask(reading, given)
    found = looked_up(reading, plain(answer.data)) if answer.ok else None
    if found is UNKNOWN:
        words = _("It was looked up, and the answer does not tell whether it was done.")
        return Outcome(W.UNKNOWN, answer, error=words, try_in=_again(write, answer))
    if found is not None:
        return Outcome(W.WRITTEN, answer, found, reference_of(found))
    if (answer.ok or answer.status == 404) and write.attempts < TRIES:
        return _not_there(write, operation, answer)
    return Outcome(W.UNKNOWN, answer, error=answer.error or write.error, try_in=_again(write, answer))


def _not_there(write: Write, operation: Operation, answer: Answer) -> Outcome:
    """Its system does not show the write. One that is slow may be doing it still, and would do it a second time: until
    long after its time-out it is only looked up again, after pauses as long as all before.
    """
    settled = max(SETTLING, SLOWEST * timedelta(seconds=operation.system.timeout_seconds))
    waited = database_now() - (write.reserved_at or database_now())
    if waited < settled:
        pause = min(max(waited, timedelta(seconds=1)), settled - waited).total_seconds()
        words = _("It was looked up and is not there yet.")
        counts = write.state != W.UNKNOWN
        return Outcome(W.UNKNOWN, answer, error=words, try_in=pause, counts=counts, settling=True)
    words = _("It was looked up and had not been done.")
    return Outcome(W.PERMITTED, answer, error=words, try_in=1.0, resent=True)


def looked_up(reading: Operation, answer: Any) -> Any:
    """The one record that a look-up answered with; None if it found none, UNKNOWN if it cannot be told.

    A list, or what the operation's `keep` calls its items, proves a write only where it holds exactly one. An answer
    around empty lists and zero counts holds none; one with more in it and without a reference is not guessed at.
    """
    path = reading.keep.get("items")
    found = dig(answer, str(path)) if path and isinstance(answer, Mapping) else answer
    if isinstance(found, list):
        return (found[0] if len(found) == 1 else UNKNOWN) if found else None
    if found is UNKNOWN:
        return UNKNOWN
    if not isinstance(found, Mapping) or reference_of(found):
        return found or None
    if not any(found.values()):
        return None
    return UNKNOWN if any(isinstance(value, list) for value in found.values()) else found


def effect_key_honoured(operation: Operation) -> bool:
    """Whether the system does a call with a known effect key once only."""
    return reaching.effect_key_of(operation) is not None


def needs_person(write: Write, operation: Operation) -> bool:
    """Whether an unknown write can only be cleared up by a person."""
    key = operation.effect_key
    can_look_up = isinstance(key, Mapping) and "look_up" in key
    return write.state == W.UNKNOWN and (
        (not effect_key_honoured(operation) and not can_look_up) or write.attempts >= TRIES
    )


def is_taken(error: IntegrityError) -> bool:
    """Whether a write could not be reserved because another of its record was, at the same moment: it waits for it."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", "") == "one_write_under_way"


def run_internal(case_id: int, write: Write, operation: Operation, config: Configuration) -> Outcome:
    """Send a reserved write and record its outcome in a transaction of its own. Raises `Stale` as `send` does."""
    outcome = send(write, operation, config)
    with transaction.atomic():
        case = case_transitions.lock(case_id)
        now = database_now()
        draft = Draft()
        record(draft, case, write, outcome, config=config, now=now)
        draft.store(case, now=now)
    return outcome


def reply_arguments(calls: CompanyCalls, case: Case, text: str) -> tuple[dict[str, Any], set[str]]:
    """The arguments of the company's reply with `text` as its draft, and what is missing for it."""
    return placeholders.fill(calls.reply_with, {"request": request_values(case), "draft": text})


def _into_conversation(case: Case, write: Write, config: Configuration, now: datetime) -> dict[str, Any]:
    """A reply that was written stands in the conversation too; the first one is the first reply."""
    calls = config.calls
    if calls is None or calls.reply is None or calls.reply.pk != write.operation_id:
        return {}
    names = [name for name, value in calls.reply_with.items() if "{draft}" in str(value)]
    text = (write.carried_out or {}).get(names[0]) if names else None
    if not isinstance(text, str) or not text.strip():
        return {}
    Message(
        case=case,
        direction=Message.Direction.OUT,
        author=write.permit_source[:200] or config.company.name,
        text=text,
        language=language_of(text),
        by_ai=write.agent_id is not None,
        at=now,
    ).save(force_insert=True)
    return {} if case.first_reply_at else {"first_reply_at": now}


def receipt_of(operation: Operation, arguments: Mapping[str, Any], result: Any, now: datetime) -> dict[str, Any]:
    """How to reverse it: which operation with which arguments, until when, what it costs."""
    undo = operation.undo
    if not undo:
        return {}
    filled, missing = placeholders.fill(
        undo.get("arguments", {}), {**arguments, **({"result": result} if result else {})}
    )
    return plain(  # type: ignore[no-any-return]
        {
            "operation": undo.get("operation"),
            "arguments": filled if not missing else undo.get("arguments", {}),
            "complete": not missing,
            "within": undo.get("within"),
            "note": undo.get("note", ""),
            "from": now,
        }
    )


def reference_of(result: Any) -> str:
    """The reference a system gave: its id, number or code, by the usual names."""
    if isinstance(result, Mapping):
        for name in ("id", "reference", "number", "code", "key"):
            if result.get(name) not in (None, ""):
                return str(result[name])[:300]
    return str(result)[:300] if isinstance(result, str | int) else ""


def hidden(operation: Operation, values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: ("•••" if k in operation.secret else v) for k, v in values.items()}


def _data(write: Write, operation: Operation, **more: Any) -> dict[str, Any]:
    return {
        "write": str(write.pk),
        "proposal": str(write.proposal_id) if write.proposal_id else "",
        "name": write.name,
        "operation": operation.name,
        "title": operation.title,
        "system": operation.system.name,
        "system_title": operation.system.title,
        "effect_key": str(write.pk),
        "attempt": write.attempts,
        "permit": write.permit_source,
        "step": write.step,
        "money": write.money,
        **{k: v for k, v in more.items() if v not in (None, "", {})},
    }
