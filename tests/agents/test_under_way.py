"""Between reserving and recording: one write of a record at a time, and every outcome is told."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db.models import F

from agents import carrying
from agents.models import Grant, Run, Write
from cases.clock import database_now
from cases.ledger import verify
from orchestrator.desk.services import take_over
from orchestrator.flow import working
from orchestrator.flow.planning import TRIES
from tests.company import Small, at_once


def test_two_that_look_at_the_same_moment_do_not_both_write(racing: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cases about one payment. Both see nobody; the database lets one reserve, the other waits for it."""
    both = [racing.waiting() for _n in range(2)]
    for _case, approval in both:
        racing.decide(approval)
    looked, held = threading.Barrier(2), carrying.held
    looks: list[bool] = []

    def at_the_same_moment(*what: Any) -> carrying.Held:
        seen = held(*what)
        looks.append(seen.in_flight)
        if len(looks) <= 2:
            looked.wait(timeout=20)
        return seen

    monkeypatch.setattr(carrying, "held", at_the_same_moment)
    results = at_once([lambda case=case: racing.go(case) for case, _approval in both])
    assert not [one for one in results if isinstance(one, Exception)], results
    assert looks[:2] == [False, False] and looks[2:3] == [True]
    assert len(racing.shop.effects("/payments")) == 1
    chosen = [racing.write(case) for case, _approval in both]
    assert sorted(write.state for write in chosen) == ["permitted", "written"]
    assert next(write for write in chosen if write.state == "permitted").try_at is not None
    assert verify().first_broken is None


def test_an_outcome_is_told_when_somebody_took_the_case_meanwhile(racing: Small) -> None:
    """A standing approval's write is recorded with the end of its step; a new turn in between stops only the step."""
    racing.standing(up_to=300)
    racing.patient()
    case = racing.receive()

    def meanwhile() -> None:
        racing.shop.hooks.clear()
        take_over(actor=racing.as_("ka"), case_id=case.pk)

    racing.shop.hooks["/payments"] = meanwhile
    racing.go(case)
    write = Write.objects.get(case=case, option="full")
    assert len(racing.shop.effects("/payments")) == 1
    assert write.state == "written" and write.reference and racing.proposal(case).state == "written"
    codes = racing.codes(case)
    assert codes.index("case.taken_over") < codes.index("write.written")
    assert verify().first_broken is None


def test_an_outcome_is_told_though_planning_failed_in_its_transaction(
    racing: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is next could not be worked out once; that the write is done is known, and stands in the record."""
    racing.standing(up_to=300)
    case = racing.receive()
    planned, failed = working.plan, []

    def plan(*what: Any, **more: Any) -> Any:
        if racing.shop.effects("/payments") and not failed:
            failed.append(True)
            raise RuntimeError("not worked out")
        return planned(*what, **more)

    monkeypatch.setattr(working, "plan", plan)
    racing.go(case)
    write = Write.objects.get(case=case, option="full")
    assert failed and write.state == "written" and write.reference
    assert racing.later(case).status == "done"
    assert len(racing.shop.effects("/payments")) == 1 and verify().first_broken is None


def test_an_outcome_is_told_by_a_worker_that_lost_its_claim_meanwhile(racing: Small) -> None:
    """Within the same turn: only the statement that stores the outcome finds out, when everything is set in memory."""
    racing.standing(up_to=300)
    racing.patient()
    case = racing.receive()

    def meanwhile() -> None:
        racing.shop.hooks.clear()
        Run.objects.filter(case=case).update(claim=F("claim") + 1)

    racing.shop.hooks["/payments"] = meanwhile
    racing.go(case)
    assert len(racing.shop.effects("/payments")) == 1
    assert Write.objects.get(case=case, option="full").state == racing.proposal(case).state == "written"
    assert verify().first_broken is None


@pytest.mark.parametrize("late", [False, True], ids=["seen", "at the same moment"])
def test_an_internal_write_that_is_tried_again_waits_for_another_of_its_record(
    racing: Small, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was sent while this one paused, and nobody knows what became of it."""
    racing.shop.faults["/tickets"] = ["503"]
    case = racing.go(racing.receive("chores"))
    write = Write.objects.get(case=case)
    assert write.state == "permitted" and write.subject
    values = {"operation": write.operation, "subject": write.subject, "controlled": False, "turn": 1, "proposed": {}}
    other = Write.objects.create(case=racing.receive("notes"), name="other", state="unknown", **values)
    if late:
        held = carrying.held
        monkeypatch.setattr(carrying, "held", lambda *what: replace(held(*what), in_flight=False))
    for _n in range(TRIES + 1):
        case = racing.later(case)
        assert (case.status, case.holder_kind) == ("working", "ai") and case.wake_at is not None
    assert racing.shop.effects("/tickets") == []
    Write.objects.filter(pk=other.pk).update(state="failed")
    assert racing.later(case).status == "done" and len(racing.shop.effects("/tickets")) == 1


def test_a_write_that_waits_for_another_of_its_record_looks_less_and_less_often(company: Small) -> None:
    """A person may take hours to clear the other one up, and each look reads the facts again."""
    company.standing()
    company.change("shop.refund", effect_key=None)
    company.shop.faults["/payments/p1/refunds"] = ["cut_after"]
    assert company.go(company.receive()).status == "repair"
    case, waits = company.go(company.receive()), []
    for _n in range(7):
        assert case.wake_at is not None
        waits.append((case.wake_at - database_now()).total_seconds())
        case = company.later(case, 31)
    assert waits[0] <= 2 and waits[2] >= 3 and all(wait > 14 for wait in waits[4:]) and max(waits) <= 30
    assert len(company.shop.effects("/payments")) == 1


@pytest.mark.parametrize("limits", [{}, {"per_day": 5}], ids=str)
def test_what_starts_at_once_is_claimed_while_it_is_sent(racing: Small, limits: dict[str, int]) -> None:
    """Also where what was gathered had to be stored before places were counted."""
    Grant.objects.filter(operation__name="shop.refund").update(limits=limits)
    racing.standing(up_to=300)
    racing.patient()
    case = racing.receive()
    seen: list[tuple[int, bool]] = []

    def look() -> None:
        proposal = racing.proposal(case)
        seen.append((proposal.claim, proposal.lease_until is not None))

    racing.shop.hooks["/payments"] = look
    assert racing.go(case).status == "done"
    assert set(seen) == {(1, True)}
