"""Between reserving and recording: one write of a record at a time, and every outcome is told."""

import threading
from typing import Any

import pytest

from agents import carrying
from agents.models import Write
from cases.ledger import verify
from orchestrator.desk.services import take_over
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
