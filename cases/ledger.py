"""The ledger: append events to a hash chain under its lock, and verify the chains.

`hash = SHA-256(previous hash, canonical JSON of case, seq, at, code, actor label, digest of the details)`
(architecture.md). Details are salted and erasable; a chain still verifies when they are gone.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from cases import rows
from cases.actors import Actor
from cases.canonical import canonical, string_text
from cases.models import Case, ChainHead
from cases.plainly import canonical_text, plain, plain_text

COMPANY = "company"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: a code, who did it, and its values (made plain JSON when it is stored)."""

    code: str
    actor: Actor
    data: Mapping[str, Any] = field(default_factory=dict)
    operation_id: uuid.UUID | None = None


def detail_digest(salt: str, data: Any) -> str:
    return _digest(salt, canonical(data))


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256((salt + text).encode()).hexdigest()


def link(previous: str, *, case_id: int | None, seq: int, at: datetime, code: str, actor: str, details: str) -> str:
    """The hash of one event, chained over the one before."""
    chain = f'"{COMPANY}"' if case_id is None else case_id
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    body = (  # canonical JSON, written out: every event needs it
        f'{{"actor":{string_text(actor)},"at":"{when}","case":{chain},"code":{string_text(code)},'
        f'"details":{string_text(details)},"seq":{seq}}}'
    )
    return hashlib.sha256((previous + body).encode()).hexdigest()


def append(case: Case, entries: Sequence[Entry], *, now: datetime) -> None:
    """Insert `entries` at the end of the case's chain, together. The case row must be locked.

    Moves `case.seq` and `case.head` in memory: `transitions.save` stores them with the change they tell of.
    """
    case.seq, case.head = _insert(case.pk, case.seq, case.head, entries, now)


def append_company(entries: Sequence[Entry], *, now: datetime) -> None:
    """Insert `entries` into the company's chain. Call it last in a transaction: its head is the last lock taken."""
    if not entries:
        return
    ChainHead.objects.bulk_create([ChainHead(name=COMPANY)], ignore_conflicts=True)
    chain = ChainHead.objects.select_for_update().get(pk=COMPANY)
    chain.seq, chain.head = _insert(None, chain.seq, chain.head, entries, now)
    chain.save(update_fields=["seq", "head"])


def append_company_alone(entries: Sequence[Entry], *, now: datetime) -> None:
    """`append_company` in a transaction of its own, for what changes nothing else."""
    with transaction.atomic():
        append_company(entries, now=now)


_EVENTS = """
{name} AS (
  INSERT INTO cases_event (case_id, seq, at, code, actor, operation_id, detail_digest, hash)
  SELECT %s::bigint, e.seq, %s::timestamptz, e.code, e.actor, e.operation_id, e.digest, e.hash
  FROM json_to_recordset(%s::json) AS e(seq int, code text, actor text, operation_id uuid, digest text, hash text)
  ORDER BY e.seq
  RETURNING id, seq),
{name}_details AS (
  INSERT INTO cases_eventdetail (event_id, salt, data)
  SELECT {name}.id, d.salt, d.data
  FROM {name} JOIN json_to_recordset(%s::json) AS d(seq int, salt text, data jsonb) ON d.seq = {name}.seq)
"""


def _insert(case_id: int | None, seq: int, head: str, entries: Sequence[Entry], now: datetime) -> tuple[int, str]:
    """Chain `entries` after (seq, head) and insert events and details in one statement. Returns the new end."""
    events, details = [], []
    for entry in entries:
        seq += 1
        salt = secrets.token_hex(16)
        text = plain_text({**entry.data, "_actor": _who(entry.actor)})
        digest = _digest(salt, text)
        label = plain(entry.actor.label)[:250]
        head = link(head, case_id=case_id, seq=seq, at=now, code=entry.code, actor=label, details=digest)
        operation = str(entry.operation_id) if entry.operation_id else None
        events.append(
            {
                "seq": seq,
                "code": entry.code,
                "actor": label,
                "operation_id": operation,
                "digest": digest,
                "hash": head,
            }
        )
        details.append(f'{{"seq":{seq},"salt":"{salt}","data":{text}}}')
    if events:
        rows.add(_EVENTS, [case_id, now, json.dumps(events), f"[{','.join(details)}]"])
    return seq, head


def _who(actor: Actor) -> dict[str, Any]:
    who: dict[str, Any] = {"kind": actor.kind}
    for key in ("user_id", "agent_id", "run_id", "token_name"):
        if getattr(actor, key):
            who[key] = getattr(actor, key)
    return who


@dataclass
class Verdict:
    """What verifying found. `first_broken` names the first bad event in words; None means the chains hold."""

    events: int = 0
    chains: int = 0
    first_broken: str | None = None
    erased: int = 0


Watch = Callable[[int | None, int, int, str], None]
_COLUMNS = "e.case_id, e.seq, e.at, e.code, e.actor, e.detail_digest, e.hash, d.salt, d.data, c.seq, c.head, e.id"
_OF_CASES = f"""
SELECT {_COLUMNS}
FROM cases_event e LEFT JOIN cases_eventdetail d ON d.event_id = e.id LEFT JOIN cases_case c ON c.id = e.case_id
WHERE e.case_id > %s AND e.case_id <= %s ORDER BY e.case_id, e.seq
"""  # noqa: S608  # our own columns
_OF_COMPANY = f"""
SELECT {_COLUMNS}
FROM cases_event e LEFT JOIN cases_eventdetail d ON d.event_id = e.id LEFT JOIN cases_chainhead c ON TRUE
WHERE e.case_id IS NULL ORDER BY e.seq
"""  # noqa: S608  # our own columns
TOGETHER = 20_000  # events, about, that are asked for at once: by the index, never by sorting the whole ledger
_HEADLESS = """
SELECT id, seq FROM (
  SELECT id, seq FROM cases_case c WHERE seq > 0 AND NOT EXISTS (SELECT 1 FROM cases_event e WHERE e.case_id = c.id)
  UNION ALL
  SELECT NULL, seq FROM cases_chainhead WHERE seq > 0 AND NOT EXISTS (SELECT 1 FROM cases_event WHERE case_id IS NULL)
) headless {where} LIMIT 1
"""


def verify(*, case_id: int | None = None, watch: Watch | None = None) -> Verdict:
    """Check every chain (or one case's): order, hashes, details against their digest, and the end against the head.

    `watch` is told of every sound event (chain, id, seq, hash), in chain order, the company's chain last.
    """
    verdict = Verdict()
    previous: tuple[int | None, int, str] | None = None
    expected: tuple[int, str] | None = None
    erased: set[int | None] = set()
    missing: list[tuple[int | None, int]] = []
    for row in _stream(case_id):
        chain, seq, at, code, actor, digest, hash_, salt, stored, end_seq, end_head, event_id = row
        name = f"event {seq} of {chain_name(chain)} ({code})"
        if previous is None or previous[0] != chain:
            if problem := _ended_short(previous, expected):
                verdict.first_broken = problem
                return verdict
            verdict.chains += 1
            previous = (chain, 0, "")
        verdict.events += 1
        if seq != previous[1] + 1:
            verdict.first_broken = f"{name}: event {previous[1] + 1} is missing"
            return verdict
        if hash_ != link(previous[2], case_id=chain, seq=seq, at=at, code=code, actor=actor, details=digest):
            verdict.first_broken = f"{name}: its hash does not follow from the event before"
            return verdict
        if salt is None:
            missing.append((chain, seq))
        elif stored != digest:
            verdict.first_broken = f"{name}: its details were changed"
            return verdict
        if code == "details.erased":
            erased.add(chain)
        if watch is not None:
            watch(chain, event_id, seq, hash_)
        previous, expected = (chain, seq, hash_), (end_seq, end_head)
    verdict.first_broken = _ended_short(previous, expected) or _without_events(case_id)
    unexplained = [(chain, seq) for chain, seq in missing if chain not in erased]
    if verdict.first_broken is None and unexplained:
        chain, seq = unexplained[0]
        verdict.first_broken = f"event {seq} of {chain_name(chain)}: its details are gone without an erased event"
    verdict.erased = len(missing)
    return verdict


def chain_name(case_id: int | None) -> str:
    return f"C-{case_id}" if case_id else "the company chain"


def _ended_short(last: tuple[int | None, int, str] | None, head: tuple[int, str] | None) -> str | None:
    if last is None or head is None or (last[1], last[2]) == head:
        return None
    return f"event {last[1]} of {chain_name(last[0])}: the chain ends here, but its head says {head[0]} events"


def _without_events(case_id: int | None) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(_HEADLESS.format(where="WHERE id = %s" if case_id else ""), [case_id] if case_id else [])
        row = cursor.fetchone()
    if row is None:
        return None
    return f"event 1 of {chain_name(row[0])}: the whole chain is missing, its head says {row[1]} events"


def _stream(case_id: int | None) -> Iterator[Sequence[Any]]:
    """Rows in chain order, the company's last. Some cases at once, through a cursor: many events need no memory."""
    if case_id is not None:
        yield from _rows(_OF_CASES, [case_id - 1, case_id])
        return
    for above, last in _ranges():
        yield from _rows(_OF_CASES, [above, last])
    yield from _rows(_OF_COMPANY, [])


def _rows(query: str, values: Sequence[int]) -> Iterator[Sequence[Any]]:
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(2000):
            yield from _loaded(rows)


def _ranges() -> Iterator[tuple[int, int]]:
    """Cases from `above` (without) to `last` (with) that have about `TOGETHER` events, as their heads say."""
    above = -1
    while True:
        found = list(Case.objects.filter(pk__gt=above).order_by("pk").values_list("pk", "seq")[:1_000])
        if not found:
            return
        last, events = above, 0
        for pk, seq in found:
            last, events = pk, events + seq
            if events >= TOGETHER:
                break
        yield above, last
        above = last


def _loaded(rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """The rows with their details and these details' digest, worked out from what is stored."""
    for row in rows:
        salt, data = row[7], row[8]
        yield (*row[:8], None if salt is None else _digest(salt, _canonical(data)), *row[9:])


def _canonical(data: Any) -> str:
    return canonical_text(data) if isinstance(data, str) else canonical(data)
