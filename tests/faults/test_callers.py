"""A process that dies in the middle of a call by an outside agent or a person: the write is not forgotten."""

from typing import Any

import pytest

from agents import executor
from agents.models import Write
from agents.services import repair
from cases.ledger import verify
from cases.models import Case
from orchestrator.desk.services import take_over
from orchestrator.flow.calls import call
from tests.company import Small


class Died(BaseException):
    """The process is gone."""


def die_in(monkeypatch: pytest.MonkeyPatch, company: Small, point: str) -> Case:
    """An outside agent opens a ticket, and the web process dies before or after the call went out."""
    case = company.go(company.receive("outside"))
    real = executor.send

    def send(*given: Any) -> Any:
        if point == "after":
            real(*given)
        raise Died

    monkeypatch.setattr(executor, "send", send)
    with pytest.raises(Died):
        ask(company, case)
    monkeypatch.undo()
    return case


def ask(company: Small, case: Case) -> Any:
    actor = company.courier()
    return call(actor=actor, case_id=case.pk, operation="shop.ticket", arguments={"text": "x"}, turn=1, why="Because")


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_person_finds_out_about_the_write_of_a_caller_whose_process_died(
    company: Small, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    case = die_in(monkeypatch, company, point)
    assert ask(company, case).status == "unknown"
    assert case.pk and company.go(case).status != "repair"  # its lease is not over
    case = company.later(case)
    write = Write.objects.get(case=case, operation__name="shop.ticket")
    assert (write.state, case.status, case.wake_at) == ("unknown", "repair", None)
    assert "write.unknown" in company.codes(case)
    assert len(company.shop.effects("/tickets")) == (point == "after")  # and nothing is sent again by itself
    repair(actor=company.as_("ka"), write_id=write.pk, outcome="written", reference="d1")
    case = company.go(case)
    assert case.status == "working" and Write.objects.get(pk=write.pk).state == "written"


def test_a_take_over_does_not_forget_what_a_dead_worker_had_begun(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is not done again in the new turn, so its recipe does not find the write."""
    case = company.receive("chores")
    monkeypatch.setattr(executor, "send", _die)
    with pytest.raises(Died):
        company.go(case)
    monkeypatch.undo()
    take_over(actor=company.as_("ka"), case_id=case.pk)
    assert company.go(case).wake_at is not None
    case = company.later(case)
    assert Write.objects.get(case=case).state == "unknown" and case.status == "repair"
    assert company.shop.done == [] and verify().first_broken is None


def _die(*_: Any) -> None:
    raise Died
