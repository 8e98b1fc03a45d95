"""Advances cases: claims what can be done, does it, and looks once more before it sleeps.

A worker goes on until no case is ready, so a doorbell rings once for many. The sweeper finds what nobody rang for.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from agents import configuration
from agents.glance import COLUMNS, Glance, seen
from agents.models import Switch, Write
from approvals.judging import Judging
from approvals.pauses import give_time_back
from cases import anchors, doorbell, rows
from cases import transitions as case_transitions
from cases.clock import database_now
from cases.errors import NotFound
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow import serving
from orchestrator.flow.planning import Job
from orchestrator.flow.working import give_back, plan, work

log = logging.getLogger(__name__)
JUDGE = Judging()
ASIDE = timedelta(minutes=1)
OF_VALUES = (DataError, IntegrityError)  # what the database refuses because of what a case holds


def advance(*, most: int | None = None) -> int:
    """Do everything that can be done now, case after case, until this worker is told to end. Returns its claims."""
    doorbell.answered(serving.queues())
    claims = 0
    while (most is None or claims < most) and not serving.ending():
        claimed, job = claim_next()
        if not claimed:
            break
        claims += 1
        _work_on(job)
    return claims


def _work_on(job: Job | None) -> None:
    while job is not None:
        following = None
        try:
            following = work(job, judge=JUDGE)
        except Exception:  # the edge of the worker: the row stays claimed and is tried again, then a person has it
            log.exception("flow.job_failed", extra={"case": job.case.number, "kind": job.kind, "step": job.step})
            give_back(job)
        job = following


def claim_next() -> tuple[bool, Job | None]:
    """Take the case that has waited longest for its turn, plan it, and claim one job. (False, None): none is ready.

    A case that cannot be planned is set aside for a minute, so that it does not stand in the way of all others.
    """
    taken: list[int] = []
    try:
        return _claim(taken)
    except Exception as error:
        if not taken or (isinstance(error, DatabaseError) and not isinstance(error, OF_VALUES)):
            raise  # the database's trouble, not this case's
        log.exception("flow.plan_failed", extra={"case": taken[0]})
        with transaction.atomic():
            case, now = case_transitions.lock(taken[0]), database_now()
            case_transitions.save(case, now=now, wake_at=now + ASIDE)
        return True, None


def _claim(taken: list[int]) -> tuple[bool, Job | None]:
    """`taken` tells which case was in hand when planning failed."""
    with transaction.atomic(), rows.together():
        found = rows.execute(_READY, [sorted(serving.queues())])
        if not found:
            return False, None
        taken.append(found[0][0])
        return True, _planned(*_looked_at(found[0]))


def _looked_at(row: Sequence[Any]) -> tuple[Case, Glance, datetime]:
    """A locked case, what is in force, and the time: out of one row."""
    case, glance = rows.made(Case, row), seen(row[-2:])
    case_transitions.with_type(case, glance.config.type_rows)
    return case, glance, row[-3]


def _planned(case: Case, glance: Glance, now: datetime) -> Job | None:
    draft = Draft()
    job = plan(case, draft, glance, now)
    draft.store(case, now=now)
    return job


_LOCKED = f"SELECT {rows.columns(Case)}, clock_timestamp(), {COLUMNS} FROM ({{}}) AS locked"  # noqa: S608
_READY = _LOCKED.format("""
SELECT * FROM cases_case WHERE wake_at <= statement_timestamp() AND wake_queue = ANY ($1::text[])
ORDER BY wake_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED""")
_ONE = _LOCKED.format("SELECT * FROM cases_case WHERE id = $1 FOR NO KEY UPDATE")


def advance_case(case_id: int, *, most: int = 50) -> Case:
    """Advance one case in this process until it has nothing to do now (for calls that wait, and for `handle`)."""
    for _n in range(most):
        with transaction.atomic(), rows.together():
            found = rows.execute(_ONE, [str(case_id)])
            if not found:
                raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
            case, glance, now = _looked_at(found[0])
            if case.wake_at is None or case.wake_at > now:
                return case
            job = _planned(case, glance, now)
        _work_on(job)
    return Case.objects.get(pk=case_id)


def sweep() -> bool:
    """Ring if a case is ready and nobody looked: its doorbell was lost, or a time came, or a pause ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT wake_queue FROM cases_case WHERE wake_at <= clock_timestamp()")
        queues = [str(name) for (name,) in cursor.fetchall()]
    doorbell.answered(queues)
    for queue in queues:
        doorbell.ring(queue)
    settle_switches()
    return bool(queues)


def settle_switches() -> int:
    """What a pause that ended, or an agent that was switched on again, lets go on: approvals get the lost time back,
    and cases look again. Asked for at once, and by the sweep where that process was lost. Returns how many switches.
    """
    ended = list(Switch.objects.filter(paused=False, settled=False).order_by("pk"))
    for row in ended:
        if row.since is not None and row.at is not None:
            key = f"{row.scope}:{row.name}:{row.since.isoformat()}"
            config = configuration.current()
            give_time_back(config, scope=row.scope, name=row.name, since=row.since, until=row.at, key=key)
    if ended:
        wake_paused()
    for row in ended:  # one that was moved meanwhile is settled by whoever moved it
        Switch.objects.filter(pk=row.pk, paused=False, at=row.at).update(settled=True)
    return len(ended)


def wake_paused(**which: Any) -> int:
    """After a resume: every open case that the AI holds looks again, and every closed one that has a write under way,
    so that it gets its outcome.
    """
    begun = Write.objects.filter(state__in=[Write.State.RESERVED, Write.State.UNKNOWN]).values("case")
    stopped = Case.objects.filter(~Q(status__in=Case.CLOSED) | Q(pk__in=begun), **which)
    n = stopped.update(wake_at=database_now(), updated_at=F("updated_at"))
    doorbell.ring()
    return n


def anchor() -> str | None:
    """The daily anchor: the ledger is checked against those before, then signed. Returns what is wrong, if anything.

    A broken ledger is signed too: what comes after stays provable, and the anchors before still show the break.
    """
    checked = anchors.verify()
    if checked.problem:
        log.error("ledger.broken", extra={"problem": checked.problem})
    anchors.take()
    return checked.problem
