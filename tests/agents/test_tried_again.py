"""An internal write that is tried again: everything that may stop a first sending may stop the next one too."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import executor, services
from agents.errors import Refused
from agents.models import Grant, Operation, Switch, Write
from cases.ledger import verify
from cases.models import Case
from orchestrator.desk.services import take_over
from orchestrator.flow import calls
from tests.company import Small, pause


@pytest.fixture
def tried(company: Small) -> Case:
    """A recipe's ticket that the shop did not take at first."""
    company.shop.faults["/tickets"] = ["503"]
    case = company.go(company.receive("chores"))
    assert Write.objects.get(case=case).state == "permitted" and company.shop.sent("/tickets") == 1
    return case


def retire_grant() -> None:
    for row in Grant.objects.filter(agent__name="clerk", operation__name="shop.ticket"):
        row.retired = True
        row.save()


def suspend() -> None:
    for row in Operation.objects.filter(name="shop.ticket"):
        row.suspended = "Looked at first"
        row.save()


def test_a_pause_of_its_system_holds_it_and_afterwards_it_goes_on(company: Small, tried: Case) -> None:
    """A15."""
    pause("system", "shop")
    for _n in range(2):
        company.later(tried)
    assert company.shop.sent("/tickets") == 1 and Write.objects.get(case=tried).state == "permitted"
    Switch.objects.update(paused=False)
    assert company.later(tried).status == "done"
    assert len(company.shop.effects("/tickets")) == 1 and verify().first_broken is None


def test_a_pause_holds_one_whose_outcome_is_unknown(company: Small, tried: Case) -> None:
    """The shop would do it once only; under a pause it is not asked to."""
    Write.objects.filter(case=tried).update(state="reserved", lease_until=timezone.now(), try_at=None)
    pause("system", "shop")
    company.later(tried)
    assert company.shop.sent("/tickets") == 1
    Switch.objects.update(paused=False)
    assert company.later(tried).status == "done" and len(company.shop.effects("/tickets")) == 1


def test_a_pause_holds_the_look_up_too(company: Small, tried: Case) -> None:
    """Nothing is sent to a paused system, not even to find out: it is looked up once somebody lets it go on."""
    company.change("shop.ticket", effect_key={"look_up": "shop.done_by_key"})
    Write.objects.filter(case=tried).update(state="reserved", lease_until=timezone.now(), try_at=None)
    pause("system", "shop")
    for _n in range(2):
        company.later(tried)
    assert company.shop.sent("/by-key", "GET") == 0 and Write.objects.get(case=tried).state == "reserved"
    Switch.objects.update(paused=False)
    company.later(tried)
    assert company.shop.sent("/by-key", "GET") == 1


@pytest.mark.parametrize("end", [retire_grant, suspend])
def test_it_ends_with_its_grant_and_with_its_operation(company: Small, tried: Case, end: Callable[[], None]) -> None:
    end()
    case = company.later(tried)
    write = Write.objects.get(case=tried)
    assert (write.state, write.placed_at, company.shop.sent("/tickets")) == ("withdrawn", None, 1)
    told = company.told(case, "write.not_started")
    assert told["why"] == "grant" and told["words"] == write.error
    assert case.status == "with_person" and verify().first_broken is None


def test_a_call_that_passed_the_gate_is_not_sent_under_a_pause(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    case = company.go(company.receive("outside"))
    real = calls.still_theirs

    def paused_first(*given: object) -> object:
        pause("system", "shop")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(calls, "still_theirs", paused_first)
    with pytest.raises(Refused):
        calls.call(
            actor=company.courier(), case_id=case.pk, operation="shop.ticket", arguments={"text": "x"}, turn=case.turn
        )
    assert company.shop.sent("/tickets") == 0


# ---------------------------------------------------------------------- what nobody sends again


def ask(company: Small, case: Case) -> calls.CallAnswer:
    return calls.call(
        actor=company.courier(), case_id=case.pk, operation="shop.note", arguments={"text": "x"}, turn=case.turn
    )


def test_a_call_that_was_looked_up_and_not_done_can_be_made_again(company: Small) -> None:
    company.change("shop.note", effect_key={"look_up": "shop.done_by_key"})
    company.shop.faults["/notes"] = ["cut"]
    case = company.go(company.receive("outside"))
    assert ask(company, case).status == "unknown"
    write = Write.objects.get(case=case)
    long_ago(write)
    services.reconcile(actor=company.as_("ka"), write_id=write.pk)
    write.refresh_from_db()
    assert (write.state, write.placed_at) == ("withdrawn", None)
    assert company.go(case).is_open and ask(company, case).status == "done"
    assert len(company.shop.effects("/notes")) == 1 and verify().first_broken is None


def test_a_call_that_did_not_reach_its_system_is_over_with_its_outcome(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one commit: a process that dies right after it leaves nothing that is tried again."""
    company.shop.faults["/notes"] = ["503"]
    case = company.go(company.receive("outside"))
    real = executor.run_internal

    def dies(*given: Any) -> None:
        real(*given)
        raise SystemExit

    monkeypatch.setattr(executor, "run_internal", dies)
    with pytest.raises(SystemExit):
        ask(company, case)
    monkeypatch.undo()
    assert Write.objects.get(case=case).state == "withdrawn" and ask(company, case).status == "done"


def test_what_was_left_to_be_tried_again_is_withdrawn(company: Small) -> None:
    company.shop.faults["/notes"] = ["400"]
    case = company.go(company.receive("outside"))
    assert ask(company, case).status == "failed"
    Write.objects.filter(case=case).update(state="permitted", ended_at=None, error="Not reached.")
    company.later(case)
    assert Write.objects.get(case=case).state == "withdrawn"
    assert company.told(case, "write.not_started")["why"] == "not_reached"
    assert ask(company, case).status == "done" and Write.objects.filter(case=case).count() == 2


def test_a_recipe_s_write_is_withdrawn_when_people_have_its_case(company: Small, tried: Case) -> None:
    take_over(actor=company.as_("ka"), case_id=tried.pk)
    company.go(tried)
    assert Write.objects.get(case=tried).state == "withdrawn" and company.shop.sent("/tickets") == 1


def long_ago(write: Write) -> None:
    """As if it had been sent so long ago that it cannot be under way any more."""
    Write.objects.filter(pk=write.pk).update(reserved_at=timezone.now() - timedelta(hours=1))
