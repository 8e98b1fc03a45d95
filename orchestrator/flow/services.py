"""Advances cases: claims what can be done, does it, and looks once more before it sleeps.

A worker goes on until no case is ready, so a doorbell rings once for many. The sweeper finds what nobody rang for.
"""

import logging
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from agents import configuration
from approvals.judging import Judging
from cases import doorbell
from cases import transitions as case_transitions
from cases.clock import database_now
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow import serving
from orchestrator.flow.planning import Job
from orchestrator.flow.working import give_back, plan, work

log = logging.getLogger(__name__)
JUDGE = Judging()


def advance(*, most: int | None = None) -> int:
    """Do everything that can be done now, case after case. Returns how many claims it made."""
    doorbell.answered(serving.queues())
    claims = 0
    while most is None or claims < most:
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
    """Take the case that has waited longest for its turn, plan it, and claim one job. (False, None): none is ready."""
    with transaction.atomic():
        now = database_now()
        case = (
            Case.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("type")
            .filter(wake_at__lte=now, wake_queue__in=serving.queues())
            .order_by("wake_at")
            .first()
        )
        if case is None:
            return False, None
        draft = Draft()
        job = plan(case, draft, configuration.current(), now)
        draft.store(case, now=now)
        return True, job


def advance_case(case_id: int, *, most: int = 50) -> Case:
    """Advance one case in this process until it has nothing to do now (for calls that wait, and for `handle`)."""
    for _round in range(most):
        with transaction.atomic():
            case = case_transitions.lock(case_id)
            now = database_now()
            if case.wake_at is None or case.wake_at > now:
                return case
            draft = Draft()
            job = plan(case, draft, configuration.current(), now)
            draft.store(case, now=now)
        _work_on(job)
    return Case.objects.get(pk=case_id)


def sweep() -> bool:
    """Ring if a case is ready and nobody looked: its doorbell was lost, or a time came."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT wake_queue FROM cases_case WHERE wake_at <= clock_timestamp()")
        queues = [str(name) for (name,) in cursor.fetchall()]
    doorbell.answered(queues)
    for queue in queues:
        doorbell.ring(queue)
    return bool(queues)


def wake_paused(**which: Any) -> int:
    """After a resume: every open case that the AI holds looks again."""
    rows = Case.objects.filter(**which).exclude(status__in=Case.CLOSED)
    n = rows.update(wake_at=database_now(), updated_at=F("updated_at"))
    doorbell.ring()
    return n
