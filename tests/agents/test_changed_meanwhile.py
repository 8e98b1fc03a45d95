"""A write that nobody has to permit keeps to what is in force when it is reserved, not when its step began."""

import pytest

from agents.errors import Refused
from agents.models import Grant, Operation, StepWork, Write
from orchestrator.flow.callers import still_theirs
from orchestrator.flow.calls import call
from tests.company import Small


def taken_away() -> None:
    grant = Grant.objects.get(operation__name="shop.ticket", agent__name="clerk")
    grant.retired = True
    grant.save()


def suspended() -> None:
    operation = Operation.objects.get(name="shop.ticket")
    operation.suspended = "its schema changed"
    operation.save()


@pytest.mark.parametrize("changed", [taken_away, suspended])
def test_what_changed_while_the_step_looked_something_up_counts(racing: Small, changed: object) -> None:
    assert callable(changed)
    racing.patient()
    work = StepWork.objects.get(step__name="ticket")
    work.procedure = [
        {"write": "shop.note", "with": {"text": "first"}},
        {"write": "shop.ticket", "with": {"text": "then"}},
    ]
    work.save()

    def meanwhile() -> None:
        racing.shop.hooks.clear()
        changed()

    racing.shop.hooks["/notes"] = meanwhile
    case = racing.go(racing.receive("chores"))
    assert len(racing.shop.effects("/notes")) == 1 and racing.shop.sent("/tickets") == 0
    assert (case.status, case.steps["ticket"]["state"]) == ("with_person", "handed_over")
    assert racing.told(case, "gate.refused")["reason"] == "grant"


def test_what_changed_since_a_call_passed_the_gate_counts(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    case = company.go(company.receive("outside"))

    def later(*what: object) -> object:
        for grant in Grant.objects.filter(operation__name="shop.ticket", agent__name="courier"):
            grant.retired = True
            grant.save()
        return still_theirs(*what)

    monkeypatch.setattr("orchestrator.flow.calls.still_theirs", later)
    with pytest.raises(Refused):
        call(actor=company.courier(), case_id=case.pk, operation="shop.ticket", arguments={"text": "x"}, turn=case.turn)
    assert company.shop.sent("/tickets") == 0 and not Write.objects.filter(case=case).exists()
