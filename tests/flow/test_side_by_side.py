"""Steps side by side: what becomes of the others once one of them gave the case to people."""

import threading
from typing import Any

import pytest

from agents.errors import Refused
from agents.models import Agent, Run, StepWork
from cases.actors import Actor
from cases.errors import Refusal, TurnPassed
from cases.ledger import verify
from cases.models import Case, Step
from orchestrator.desk.services import hand_back, take_over
from orchestrator.flow import callers, calls
from orchestrator.flow.finishing import hand_over
from tests.company import Small, at_once, pause

VOUCHER = [
    {
        "option": "voucher",
        "title": "Voucher",
        "suggest_when": "true",
        "writes": [{"operation": "shop.voucher", "with": {"amount": 20}}],
    },
    {"propose": ["voucher"]},
]
TICKET = [{"write": "shop.ticket", "with": {"text": "2"}}]


def side(left: str = "clerk", right: str = "clerk", recipe: list[dict[str, Any]] | None = None) -> None:
    """Only `left` and `right`, each of an agent; `right` writes a note and then does what the recipe says."""
    Step.objects.filter(type__name="side", name__in=["join", "look", "last"]).update(retired=True)
    for name, agent in (("left", left), ("right", right)):
        work = StepWork.objects.get(step__name=name, step__type__name="side")
        work.agent = Agent.objects.get(name=agent)
        if agent != "clerk":
            work.procedure = []
        elif name == "right" and recipe is not None:
            work.procedure = [{"write": "shop.note", "with": {"text": "1"}}, *recipe]
        work.save()


def outside(name: str) -> Actor:
    return Actor("agent", name, agent_id=Agent.objects.get(name=name).pk)


def ask(company: Small, case: Case, operation: str = "shop.faq", **arguments: Any) -> calls.CallAnswer:
    return calls.call(
        actor=company.courier(), case_id=case.pk, operation=operation, arguments=arguments, turn=case.turn
    )


@pytest.mark.parametrize(
    ("recipe", "standing", "path"),
    [(TICKET, False, "/tickets"), (VOUCHER, False, "/vouchers"), (VOUCHER, True, "/vouchers")],
    ids=["internal", "asked", "pre-approved"],
)
def test_a_step_beside_one_that_handed_over_starts_nothing_more(
    racing: Small, recipe: list[dict[str, Any]], standing: bool, path: str
) -> None:
    """What was sent before is told, what was read stays, and the step begins anew once the case comes back."""
    racing.patient()
    side(left="courier", recipe=recipe)
    if standing:
        racing.standing("shop.voucher")
    case = racing.receive("side")

    def over() -> None:
        racing.shop.hooks.clear()
        case.refresh_from_db()
        hand_over(actor=racing.courier(), case_id=case.pk, summary="Look at it", turn=case.turn)

    racing.shop.hooks["/notes"] = over
    case = racing.go(case)
    racing.later(case)
    assert (case.status, case.holder_kind) == ("with_person", "team") and not case.proposals.exists()
    assert racing.shop.sent(path) == 0 and len(racing.shop.effects("/notes")) == 1
    assert "write.written" in racing.codes(case) and verify().first_broken is None
    take_over(actor=racing.as_("ka"), case_id=case.pk)
    hand_back(actor=racing.as_("ka"), case_id=case.pk)
    case = racing.go(case)
    assert case.holder_kind == "ai" and (racing.shop.sent(path) == 1 or case.proposals.get().state == "waiting")


def test_a_call_of_an_outside_agent_beside_one_that_handed_over_is_not_sent(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passed the gate when the AI had the case, and lost it before the write was reserved."""
    side("courier", "idle")
    case = company.go(company.receive("side"))
    real = calls.still_theirs

    def lost_first(*given: Any) -> Any:
        monkeypatch.undo()
        hand_over(actor=outside("idle"), case_id=case.pk, summary="Look at it", turn=case.turn)
        return real(*given)

    monkeypatch.setattr(calls, "still_theirs", lost_first)
    with pytest.raises(TurnPassed):
        ask(company, case, "shop.ticket", text="x")
    assert company.shop.sent("/tickets") == 0 and Run.objects.get(case=case, step="left").state == "open"


def test_no_other_step_begins_when_one_of_them_asks_a_person(company: Small) -> None:
    """It cannot be told whether `left` applies, so people have the case: `right` is not begun in the same moment."""
    for step in Step.objects.filter(type__name="side", name="left"):
        step.when = {"all": [{"fact": "tier", "is": "is", "value": "gold"}]}
        step.save()
    case = company.go(company.receive("side"))
    assert (case.status, case.why_here["code"]) == ("with_person", "step_unclear")
    assert company.shop.sent("/tickets") == 0 and set(case.runs.values_list("step", flat=True)) == {""}


# ---------------------------------------------------------------------- an outside agent's limits


def test_of_two_calls_over_the_limit_both_are_refused(racing: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one gives the case to people; the other finds that it went, which is no error of ours."""
    Agent.objects.filter(name="courier").update(limits={"calls_per_run": 1})
    case = racing.go(racing.receive("outside"))
    assert ask(racing, case).status == "done"
    both, real = threading.Barrier(2), callers._over_limit

    def at_the_same_moment(*given: Any) -> None:
        both.wait(timeout=20)
        real(*given)

    monkeypatch.setattr(callers, "_over_limit", at_the_same_moment)
    got = at_once([lambda: ask(racing, case)] * 2)
    assert {type(one) for one in got} == {Refused, TurnPassed}, got
    assert racing.codes(case).count("case.with_people") == 1 and verify().first_broken is None


def test_a_call_over_the_limit_takes_the_case_from_nobody(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person took it over at this moment."""
    Agent.objects.filter(name="courier").update(limits={"calls_per_run": 1})
    case = company.go(company.receive("outside"))
    assert ask(company, case).status == "done"
    real = callers._over_limit

    def taken_first(*given: Any) -> None:
        take_over(actor=company.as_("ka"), case_id=case.pk)
        real(*given)

    monkeypatch.setattr(callers, "_over_limit", taken_first)
    with pytest.raises(TurnPassed):
        ask(company, case)
    case.refresh_from_db()
    assert case.holder_user is not None and case.holder_user.username == "ka"


def test_a_call_over_the_limit_under_a_pause_takes_no_case(company: Small) -> None:
    Agent.objects.filter(name="courier").update(limits={"calls_per_run": 1})
    case = company.go(company.receive("outside"))
    assert ask(company, case).status == "done"
    pause("agent", "courier")
    with pytest.raises(Refusal) as refusal:
        ask(company, case)
    assert refusal.value.detail["reason"] == "paused"
    case.refresh_from_db()
    assert case.holder_kind == "ai"
