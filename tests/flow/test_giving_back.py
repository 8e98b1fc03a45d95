"""A worker that fails inside its own code gives back what it had claimed: soon somebody else takes it on."""

from datetime import timedelta
from typing import Any

import pytest

from agents import carrying
from agents.carrying import Carrier
from agents.models import Policy, Proposal
from cases.clock import database_now
from cases.models import Case, Event
from orchestrator.flow import working
from orchestrator.flow.giving_up import TRIES
from orchestrator.flow.planning import LEASE, Job
from tests.company import Small


def broken(*_: Any) -> Any:
    raise RuntimeError("a fault of our own")


def fail(company: Small, monkeypatch: pytest.MonkeyPatch) -> tuple[Case, Proposal]:
    """A decided proposal whose worker fails before anything is sent."""
    case, approval = company.waiting()
    company.decide(approval)
    with monkeypatch.context() as patched:
        patched.setattr(Carrier, "run", broken)
        company.go(case)
    return case, company.proposal(case)


def test_a_failed_job_of_a_proposal_is_taken_on_after_a_short_pause(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, proposal = fail(company, monkeypatch)
    now = database_now()
    assert proposal.lease_until is not None and proposal.lease_until - now <= timedelta(seconds=working.PAUSES[0])
    case.refresh_from_db()
    assert case.wake_at is not None and case.wake_at <= now + timedelta(seconds=working.PAUSES[0])
    company.go(case)
    assert company.shop.done == [], "the pause is not over"
    company.later(case, working.PAUSES[0])
    assert company.write(case).state == "written" and len(company.shop.effects("/payments")) == 1


def test_the_pause_grows_with_every_claim(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    case, proposal = fail(company, monkeypatch)
    for pause in working.PAUSES[1:3]:
        with monkeypatch.context() as patched:
            patched.setattr(Carrier, "run", broken)
            company.later(case, LEASE.total_seconds())
        proposal.refresh_from_db()
        assert proposal.lease_until is not None
        assert pause - 5 < (proposal.lease_until - database_now()).total_seconds() <= pause


def test_what_another_worker_has_meanwhile_is_left_alone(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    case, proposal = fail(company, monkeypatch)
    before = database_now() + LEASE
    Proposal.objects.filter(pk=proposal.pk).update(claim=proposal.claim + 1, lease_until=before)
    working.give_back(Job("carry", case, proposal=proposal))
    proposal.refresh_from_db()
    assert proposal.lease_until == before


@pytest.mark.parametrize("given", [None, "ended"])
def test_what_nobody_holds_any_more_is_left_alone(
    company: Small, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    case, proposal = fail(company, monkeypatch)
    changes: dict[str, Any] = {"state": "withdrawn"} if given else {"lease_until": None}
    Proposal.objects.filter(pk=proposal.pk).update(**changes)
    before = Proposal.objects.get(pk=proposal.pk).lease_until
    working.give_back(Job("carry", case, proposal=proposal))
    assert Proposal.objects.get(pk=proposal.pk).lease_until == before


def test_a_write_that_may_have_been_sent_is_looked_for_and_not_sent_again(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker fails after the system did it: the write's own lease stands, however short the proposal's is."""
    case, approval = company.waiting()
    company.decide(approval)
    real = carrying.executor.send

    def sent_and_lost(*given: Any, **more: Any) -> Any:
        real(*given, **more)
        raise RuntimeError("a fault of our own")

    with monkeypatch.context() as patched:
        patched.setattr(carrying.executor, "send", sent_and_lost)
        company.go(case)
    assert len(company.shop.effects("/payments")) == 1
    write = company.write(case)
    assert write.state == "reserved" and write.lease_until is not None
    Proposal.objects.filter(case=case).update(lease_until=database_now() - timedelta(seconds=1))
    Case.objects.filter(pk=case.pk).update(wake_at=database_now())
    company.go(case)
    assert len(company.shop.effects("/payments")) == 1 and company.write(case).state == "reserved"
    company.later(case, 3600)
    assert len(company.shop.effects("/payments")) == 1 and company.write(case).state == "written"


def lose_workers(
    company: Small, case: Case, times: int, monkeypatch: pytest.MonkeyPatch, what: str = "_look_afresh"
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Carrier, what, broken)
        for _time in range(times):
            company.later(case, 3600)
    case.refresh_from_db()


def test_a_proposal_whose_workers_are_lost_each_time_is_given_to_a_person(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _proposal = fail(company, monkeypatch)
    lose_workers(company, case, TRIES - 1, monkeypatch)
    assert case.status == "waiting_write" and company.proposal(case).claim == TRIES
    company.later(case, 3600)
    case.refresh_from_db()
    assert case.status == "with_person" and case.why_here["code"] == "tried_too_often"
    assert company.proposal(case).state == company.write(case).state == "withdrawn" and company.shop.done == []
    told = Event.objects.get(case=case, code="write.not_started").detail.data
    assert told["why"] == "tried_too_often" and str(TRIES) in told["words"]
    lose_workers(company, case, 1, monkeypatch)
    assert company.proposal(case).claim == TRIES, "nobody takes it on again"


def test_a_worker_that_comes_to_its_end_begins_the_count_anew(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    case, _proposal = fail(company, monkeypatch)
    lose_workers(company, case, TRIES - 2, monkeypatch)
    Policy.objects.update(restoring=True)
    company.later(case, 3600)
    assert company.proposal(case).lease_until is None, "it waits, and was given back"
    Policy.objects.update(restoring=False)
    lose_workers(company, case, TRIES - 1, monkeypatch)
    company.later(case, 3600)
    assert company.write(case).state == "written" and len(company.shop.effects("/payments")) == 1


def test_a_begun_write_that_no_worker_finds_out_about_is_for_a_person(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, approval = company.waiting()
    company.decide(approval)
    with monkeypatch.context() as patched:
        patched.setattr(carrying.executor, "send", broken)
        company.go(case)
    assert company.write(case).state == "reserved"
    lose_workers(company, case, TRIES - 1, monkeypatch)
    company.later(case, 3600)
    case.refresh_from_db()
    write = company.write(case)
    assert write.state == "unknown" and case.status == "repair" and company.shop.done == []
    assert Event.objects.filter(case=case, code="write.unknown").exists()
