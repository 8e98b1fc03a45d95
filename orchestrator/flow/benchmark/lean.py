"""The lean trial: the bare shape of this design in Django's ORM, with none of its work: no grants, rules, facts, texts.

Six short transactions for an approved case (intake, claim, one stretch, decision, reserve, written and closed) and five
for an automatic one, 35 and 25 statements, 19 and 17 chained ledger rows in five and four batches. It says what the
shape alone costs on this machine: the floor is mostly the kernel's work and the shape mostly Python's, and machines
differ in how much faster they do the one than the other.

`lean_race` is the program that runs it.
"""

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import psycopg
from django.db import models, transaction
from psycopg import sql

TABLES = """
CREATE TABLE IF NOT EXISTS bench_case (
    id bigserial PRIMARY KEY, number text NOT NULL UNIQUE, status text NOT NULL, asks boolean NOT NULL,
    turn int NOT NULL, wake_at timestamptz, seq int NOT NULL, head text NOT NULL, data jsonb NOT NULL,
    updated_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS bench_case_ready ON bench_case (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS bench_case_status ON bench_case (status, id);
CREATE TABLE IF NOT EXISTS bench_event (
    id bigserial PRIMARY KEY, case_id bigint NOT NULL REFERENCES bench_case, seq int NOT NULL,
    at timestamptz NOT NULL, code text NOT NULL, data jsonb NOT NULL, hash text NOT NULL, UNIQUE (case_id, seq));
CREATE TABLE IF NOT EXISTS bench_proposal (
    id uuid PRIMARY KEY, case_id bigint NOT NULL REFERENCES bench_case, operation text NOT NULL,
    arguments jsonb NOT NULL, fingerprint text NOT NULL);
CREATE INDEX IF NOT EXISTS bench_proposal_case ON bench_proposal (case_id);
CREATE TABLE IF NOT EXISTS bench_write (
    id uuid PRIMARY KEY, proposal_id uuid NOT NULL REFERENCES bench_proposal, state text NOT NULL, answer jsonb);
CREATE INDEX IF NOT EXISTS bench_write_proposal ON bench_write (proposal_id);
CREATE TABLE IF NOT EXISTS bench_approval (
    id uuid PRIMARY KEY, proposal_id uuid NOT NULL REFERENCES bench_proposal, state text NOT NULL,
    fingerprint text NOT NULL);
CREATE INDEX IF NOT EXISTS bench_approval_proposal ON bench_approval (proposal_id);
CREATE TABLE IF NOT EXISTS bench_decision (
    id bigserial PRIMARY KEY, approval_id uuid NOT NULL REFERENCES bench_approval, option text NOT NULL,
    at timestamptz NOT NULL);
"""
LEASE = timedelta(seconds=90)
READ = ("fact", "fact", "run", "read", "work_out", "draft", "proposed", "judged")
WRITTEN = ("sent", "written", "read_back", "run", "closed")


class Bare(models.Model):
    """Nothing that Django would make a migration of."""

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class Case(Bare):
    number = models.TextField()
    status = models.TextField()
    asks = models.BooleanField()
    turn = models.IntegerField()
    wake_at = models.DateTimeField(null=True)
    seq = models.IntegerField()
    head = models.TextField()
    data = models.JSONField()
    updated_at = models.DateTimeField()

    class Meta:
        managed, app_label, db_table = False, "lean", "bench_case"


class Event(Bare):
    case = models.ForeignKey(Case, models.DO_NOTHING)
    seq = models.IntegerField()
    at = models.DateTimeField()
    code = models.TextField()
    data = models.JSONField()
    hash = models.TextField()

    class Meta:
        managed, app_label, db_table = False, "lean", "bench_event"


class Proposal(Bare):
    id = models.UUIDField(primary_key=True)
    case = models.ForeignKey(Case, models.DO_NOTHING)
    operation = models.TextField()
    arguments = models.JSONField()
    fingerprint = models.TextField()

    class Meta:
        managed, app_label, db_table = False, "lean", "bench_proposal"


class Write(Bare):
    id = models.UUIDField(primary_key=True)
    proposal = models.ForeignKey(Proposal, models.DO_NOTHING)
    state = models.TextField()
    answer = models.JSONField(null=True)

    class Meta:
        managed, app_label, db_table = False, "lean", "bench_write"


class Approval(Bare):
    id = models.UUIDField(primary_key=True)
    proposal = models.ForeignKey(Proposal, models.DO_NOTHING)
    state = models.TextField()
    fingerprint = models.TextField()

    class Meta:
        managed, app_label, db_table = False, "lean", "bench_approval"


class Decision(Bare):
    approval = models.ForeignKey(Approval, models.DO_NOTHING)
    option = models.TextField()
    at = models.DateTimeField()

    class Meta:
        managed, app_label, db_table = False, "lean", "bench_decision"


def make_tables(address: str, role: str) -> None:
    """The tables, made by who owns the schema for the role that the product runs as."""
    with psycopg.connect(address, autocommit=True) as line:
        line.execute(TABLES)
        for (table,) in line.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'bench_%'").fetchall():
            line.execute(sql.SQL("GRANT ALL ON {} TO {}").format(sql.Identifier(table), sql.Identifier(role)))
        line.execute(sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(sql.Identifier(role)))


# ---------------------------------------------------------------------- the way of a case


def take_in(*, asks: bool, now: datetime) -> None:
    with transaction.atomic():
        text = "My order came nine days late and I want my money back."
        case = Case(number=uuid.uuid4().hex, status="received", asks=asks, turn=0, wake_at=now, seq=0, head="")
        case.data, case.updated_at = {"text": text, "customer": "S1"}, now
        events = _chained(case, now, "received", "sorted")
        case.save(force_insert=True)
        Event.objects.bulk_create(events)


def work(now: datetime) -> bool:
    """One case that is ready, as far as it goes; False if none is."""
    with transaction.atomic():
        ready = Case.objects.select_for_update(skip_locked=True).filter(wake_at__lte=now)
        case = ready.order_by("wake_at").first()
        if case is None:
            return False
        if case.status == "decided":
            write = Write.objects.select_related("proposal").get(proposal__case_id=case.pk)
            _reserve(case, write, now, turn=case.turn + 1, wake_at=now + LEASE)
        else:
            _store(case, now, turn=case.turn + 1, wake_at=now + LEASE)
    if case.status == "received":
        case, write = _stretch(case, now)
        if case.asks:
            return True
        with transaction.atomic():
            _reserve(case, write, now)
    _written(case, write, now)
    return True


def decide(now: datetime) -> bool:
    """The approval that waits longest, decided; False if none waits."""
    with transaction.atomic():
        waiting = Approval.objects.select_related("proposal__case").select_for_update(skip_locked=True)
        approval = waiting.filter(proposal__case__status="waiting", state="waiting").first()
        if approval is None:
            return False
        case = approval.proposal.case
        _one(Approval.objects.filter(pk=approval.pk, state="waiting").update(state="decided"))
        Decision.objects.create(approval=approval, option="refund", at=now)
        Event.objects.bulk_create(_chained(case, now, "decided", "permit"))
        _store(case, now, status="decided", wake_at=now)
    return True


def _stretch(case: Case, now: datetime) -> tuple[Case, Write]:
    """From claim to proposal, and to the approval that is waited for if the case asks."""
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case.pk, turn=case.turn)
        arguments = {"order": "88213", "amount": "250.00", "currency": "HKD"}
        fingerprint = _digest(arguments)
        proposal = Proposal(id=uuid.uuid4(), case=case, operation="payments.refund", arguments=arguments)
        proposal.fingerprint = fingerprint
        proposal.save(force_insert=True)
        write = Write(id=uuid.uuid4(), proposal=proposal, state="planned")
        write.save(force_insert=True)
        if case.asks:
            asked = Approval(id=uuid.uuid4(), proposal=proposal, state="waiting", fingerprint=fingerprint)
            asked.save(force_insert=True)
        Event.objects.bulk_create(_chained(case, now, *READ, "asked" if case.asks else "permit"))
        _store(case, now, **({"status": "waiting", "wake_at": None} if case.asks else {}))
    return case, write


def _reserve(case: Case, write: Write, now: datetime, **claim: Any) -> None:
    _one(Write.objects.filter(pk=write.pk, state="planned").update(state="reserved"))
    Event.objects.bulk_create(_chained(case, now, "reserved"))
    _store(case, now, **claim)


def _written(case: Case, write: Write, now: datetime) -> None:
    with transaction.atomic():
        answer = {"reference": "R-88213", "state": "done"}
        _one(Write.objects.filter(pk=write.pk, state="reserved").update(state="written", answer=answer))
        Event.objects.bulk_create(_chained(case, now, *WRITTEN))
        _store(case, now, status="done", wake_at=None)


def _store(case: Case, now: datetime, **values: Any) -> None:
    """Guarded by the turn, as every transition is."""
    _one(Case.objects.filter(pk=case.pk, turn=case.turn).update(seq=case.seq, head=case.head, updated_at=now, **values))
    case.turn = values.get("turn", case.turn)


def _chained(case: Case, now: datetime, *codes: str) -> list[Event]:
    events = []
    for code in codes:
        data = {"step": code, "state": "done", "values": {"amount": "250.00", "order": "88213"}}
        case.seq += 1
        case.head = _digest([case.head, case.seq, now.isoformat(), code, data])
        events.append(Event(case=case, seq=case.seq, at=now, code=code, data=data, hash=case.head))
    return events


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _one(rows: int) -> None:
    if rows != 1:
        raise RuntimeError("A row was not there as it was read.")


def through(cases: int, clock: Callable[[], datetime]) -> None:
    """So many cases from intake to end, every second one decided in between; others' as well, if they are ready."""
    for n in range(cases):
        take_in(asks=bool(n % 2), now=clock())
    while work(clock()):
        pass
    while decide(clock()):
        pass
    while work(clock()):
        pass
