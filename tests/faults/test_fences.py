"""The fences one by one, without processes: a worker that slept, a locked case, a call that would begin too late."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from agents import executor
from agents.models import Run, Write
from cases import transitions as case_transitions
from cases.clock import database_now
from cases.ledger import verify
from cases.models import Case, Event
from orchestrator.flow import services
from orchestrator.flow.planning import Job
from orchestrator.flow.services import JUDGE
from orchestrator.flow.working import work
from tests.company import Small


def everything(case: Case) -> list[Any]:
    return [
        list(Case.objects.filter(pk=case.pk).values_list("seq", "head", "status", "turn", "wake_at")),
        list(Event.objects.filter(case=case).order_by("seq").values_list("seq", "code")),
        list(Write.objects.filter(case=case).values_list("pk", "state", "claim", "attempts")),
        list(Run.objects.filter(case=case).values_list("pk", "state", "claim", "calls", "lease_until")),
    ]


def taken(company: Small, type_name: str) -> tuple[Case, Job]:
    """A case whose first job a worker has just claimed."""
    case = company.receive(type_name)
    claimed, job = services.claim_next()
    assert claimed and job is not None and job.case.pk == case.pk
    return case, job


def wake(case: Case) -> None:
    """Somebody woke the case: a message came in, say."""
    Case.objects.filter(pk=case.pk).update(wake_at=database_now())


def test_a_job_whose_lease_another_worker_took_over_stores_nothing(company: Small) -> None:
    """The other one has it in hand still: turn, run and case are as they were, only the claim has risen."""
    case, job = taken(company, "chores")
    Run.objects.filter(case=case).update(lease_until=database_now())
    wake(case)
    _claimed, again = services.claim_next()
    assert again is not None and again.run is not None and again.run.claim == 2
    before = everything(case)
    work(job, judge=JUDGE)
    assert everything(case) == before and company.shop.done == []
    work(again, judge=JUDGE)
    assert len(company.shop.done) == 1 and verify().first_broken is None


def test_a_job_in_hand_is_not_given_to_another_worker(company: Small) -> None:
    """Its lease is not over; that something else woke the case changes nothing."""
    case, job = taken(company, "chores")
    wake(case)
    assert services.claim_next() == (True, None)
    assert list(Run.objects.filter(case=case).values_list("claim", flat=True)) == [1]
    work(job, judge=JUDGE)
    assert len(company.shop.done) == 1


def test_a_late_job_of_a_case_that_is_closed_tells_nothing(company: Small) -> None:
    """It was done by another worker: there is no late result of an AI to keep."""
    case, job = taken(company, "chores")
    case = company.later(case, 100)
    assert case.status == "done" and len(company.shop.done) == 1
    before = everything(case)
    work(job, judge=JUDGE)
    assert everything(case) == before and len(company.shop.done) == 1


def test_a_case_that_somebody_has_locked_holds_up_no_other(racing: Small) -> None:
    locked, other = racing.receive("chores"), racing.receive("notes")
    ended = threading.Event()

    def advance() -> None:
        try:
            services.advance(most=5)
        finally:
            connection.close()
            ended.set()

    worker = threading.Thread(target=advance)
    with transaction.atomic():
        case_transitions.lock(locked.pk)
        worker.start()
        assert ended.wait(10), "it waits for the locked case"
        assert Case.objects.get(pk=other.pk).status == "done"
    worker.join()


def test_a_worker_that_slept_after_it_reserved_sends_nothing(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system knows no effect key: another worker has called the outcome unknown, a person may have done it."""
    company.standing("shop.voucher")
    case = company.receive("vouchers")
    real = executor.send
    monkeypatch.setattr(executor, "MARGIN", timedelta(seconds=0.1))

    def asleep(*given: Any) -> Any:
        time.sleep(0.2)
        return real(*given)

    monkeypatch.setattr(executor, "send", asleep)
    company.go(case)
    assert company.shop.sent("/vouchers") == 0 and company.write(case, "voucher").state == "reserved"
    monkeypatch.undo()
    case = company.later(case, 300)
    assert case.status == "repair" and company.write(case, "voucher").state == "unknown"
    assert company.shop.sent("/vouchers") == 0
