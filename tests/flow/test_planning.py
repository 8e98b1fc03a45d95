"""Who acts next: steps side by side and in order, leases, tries, pauses, and when the case is looked at again."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError
from django.db.models import F

from agents import executor
from agents.errors import Refused
from agents.models import Agent, Proposal, Run, StepWork, Switch, Write
from approvals.models import Approval
from cases.clock import database_now
from cases.ledger import verify
from cases.models import Case, Step
from orchestrator.desk.services import take_over
from orchestrator.flow import services, working
from orchestrator.flow.calls import CallAnswer, call
from orchestrator.flow.planning import TRIES
from tests.company import Small, at_once, pause


def states(case: Case) -> dict[str, str]:
    case.refresh_from_db()
    return {name: step["state"] for name, step in case.steps.items()}


def step(name: str, type_name: str) -> Step:
    return Step.objects.get(type__name=type_name, name=name)


def change(row: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


class Died(BaseException):
    """The worker is gone."""


# ---------------------------------------------------------------------- order of steps


def test_steps_follow_their_order_and_people_have_theirs(company: Small) -> None:
    case = company.go(company.receive("side"))
    assert states(case) == {"left": "done", "right": "done", "join": "done", "look": "open"}
    assert (case.status, case.holder_kind) == ("with_person", "team")
    assert case.holder_team is not None and case.holder_team.name == "finance"
    assert case.why_here["code"] == "step_of_people" and case.wake_at is None
    assert [d["text"] for d in company.shop.effects("/tickets")] == ["left", "right"]


def test_handing_back_says_that_people_did_their_step(company: Small) -> None:
    from orchestrator.desk.services import hand_back

    case = company.go(company.receive("side"))
    take_over(actor=company.as_("ka"), case_id=case.pk)
    hand_back(actor=company.as_("ka"), case_id=case.pk)
    company.go(case)
    assert states(case) == dict.fromkeys(["left", "right", "join", "look", "last"], "done") and case.status == "done"
    assert [d["text"] for d in company.shop.effects("/tickets")] == ["left", "right", "last"]


def test_independent_steps_are_worked_side_by_side(racing: Small) -> None:
    """Two workers, two steps at the same moment: each call waits until the other one is under way too."""
    racing.patient()  # two writes of one operation in a case wait for each other, so these are of two
    change(StepWork.objects.get(step__name="right"), procedure=[{"write": "shop.note", "with": {"text": "right"}}])
    case = racing.receive("side")
    both = threading.Barrier(2, timeout=15)
    met: list[bool] = []

    def meet() -> None:
        met.append(bool(both.wait() >= 0))

    def worker() -> None:
        for _n in range(100):
            services.advance()
            if len(met) == 2:
                return
            time.sleep(0.05)

    racing.shop.hooks["/"] = meet
    assert at_once([worker, worker]) == [None, None]
    racing.shop.hooks.clear()
    racing.go(case)
    assert len(met) == 2
    assert states(case)["join"] == "done" and verify().first_broken is None


def test_a_step_whose_condition_is_false_is_skipped(company: Small) -> None:
    change(step("right", "side"), when={"all": [{"formula": "1 + 1", "is": "is", "value": 3}]})
    case = company.go(company.receive("side"))
    assert states(case)["right"] == "skipped" and states(case)["join"] == "done"
    assert "step.skipped" in company.codes(case)


def test_a_step_whose_condition_cannot_be_told_asks_a_person(company: Small) -> None:
    change(step("work_out", "refund"), when={"all": [{"fact": "tier", "is": "is", "value": "gold"}]})
    company.shop.faults["/customers"] = ["400"] * 9
    case = company.go(company.receive())
    assert (case.status, case.why_here["code"]) == ("with_person", "step_unclear")
    assert states(case).get("work_out", "waiting") == "waiting"


@pytest.mark.parametrize(("on_failure", "status"), [("hand_over", "with_person"), ("skip", "done")])
def test_a_failed_step_is_handed_over_or_skipped(company: Small, on_failure: str, status: str) -> None:
    change(step("ticket", "chores"), on_failure=on_failure)
    company.shop.faults["/tickets"] = ["422"]
    case = company.go(company.receive("chores"))
    assert case.status == status
    assert states(case) == {"ticket": "handed_over" if on_failure == "hand_over" else "skipped"}


def test_a_step_that_lacks_data_is_handed_over_whatever_it_says(company: Small) -> None:
    change(step("work_out", "refund"), on_failure="skip")
    case = company.go(company.receive(order="nothing"))
    assert (case.status, case.why_here["code"]) == ("with_person", "missing_data") and case.lacked


def test_a_type_without_steps_is_not_done_because_nothing_was_done(company: Small) -> None:
    """Closing it would lose the request."""
    for row in Step.objects.filter(type__name="notes"):
        change(row, retired=True)
    case = company.go(company.receive("notes"))
    assert (case.status, case.holder_kind, case.why_here["code"]) == ("with_person", "team", "no_steps")


def test_a_switched_off_agent_s_step_waits(company: Small) -> None:
    change(Agent.objects.get(name="clerk"), active=False)
    case = company.go(company.receive("chores"))
    assert case.status == "working" and company.shop.done == []
    change(Agent.objects.get(name="clerk"), active=True)
    services.wake_paused()
    assert company.go(case).status == "done"


# ---------------------------------------------------------------------- leases and tries


def dying(monkeypatch: pytest.MonkeyPatch, times: int, only: str = "") -> list[int]:
    """The worker dies in a step, so many times."""
    died: list[int] = []
    real = working._step

    def step(stretch: Any, config: Any) -> bool:
        if len(died) < times and (not only or stretch.case.type.name == only):
            died.append(1)
            raise Died
        return real(stretch, config)

    monkeypatch.setattr(working, "_step", step)
    return died


def test_a_step_whose_worker_died_is_taken_when_its_lease_is_over(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = company.receive("chores")
    dying(monkeypatch, 1)
    with pytest.raises(Died):
        company.go(case)
    case.refresh_from_db()
    now = database_now()
    assert case.wake_at is not None and now < case.wake_at <= now + timedelta(seconds=95)
    company.go(case)  # too early: nothing happens
    assert company.shop.done == []
    assert company.later(case, 100).status == "done"
    assert len(company.shop.effects("/tickets")) == 1


def test_five_tries_and_a_person_has_it(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """D10: a step that kills its worker each time is parked, and the healthy ones end."""
    died = dying(monkeypatch, 99, only="chores")
    case = company.receive("chores")
    for _n in range(9):
        try:
            company.later(case, 1000)
        except Died:
            continue
    case.refresh_from_db()
    assert len(died) <= TRIES and (case.status, case.holder_kind) == ("with_person", "team")
    assert case.why_here["code"] == "tried_too_often" and case.wake_at is None
    assert company.go(company.receive("notes")).status == "done"


def test_what_a_parked_step_had_begun_is_told_and_not_forgotten(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker dies each time after the system did it; nobody does the step again, so nobody would find the write."""
    real = executor.send

    def sent_and_died(*given: Any) -> Any:
        real(*given)
        raise Died

    monkeypatch.setattr(executor, "send", sent_and_died)
    case = company.receive("notes")
    for _n in range(2 * TRIES):
        try:
            company.later(case, 1000)
        except Died:
            Run.objects.filter(case=case, state="open").update(attempts=TRIES)
    case.refresh_from_db()
    write = Write.objects.get(case=case)
    assert write.state == "unknown" and (case.status, case.holder_kind) == ("repair", "team")
    assert "write.unknown" in case.events.values_list("code", flat=True) and case.wake_at is None
    assert verify().first_broken is None


def test_a_step_that_fails_inside_is_tried_again_later_and_then_parked(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def broken(*_: Any) -> bool:
        tries.append(1)
        raise RuntimeError("a fault of the worker's own")

    monkeypatch.setattr(working, "_step", broken)
    case = company.receive("side")
    for _n in range(30):
        company.later(case, 1000)
    case.refresh_from_db()
    assert case.status == "with_person" and len(tries) <= 2 * TRIES
    assert "handed_over" in states(case).values()


def test_a_poisoned_preparation_is_parked_too(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting and facts kill the worker: a person sorts it, or has it. Without a bound it would be tried for ever."""
    tries: list[int] = []

    def broken(_stretch: Any) -> None:
        tries.append(1)
        raise Died

    monkeypatch.setattr(working, "prepare", broken)
    named, unnamed = company.receive("refund"), company.receive("")
    for case, status in ((named, "with_person"), (unnamed, "triage")):
        tries.clear()
        for _n in range(9):
            try:
                company.later(case, 1000)
            except Died:
                continue
        case.refresh_from_db()
        assert (case.status, len(tries)) == (status, TRIES)
        assert case.why_here["code"] == "tried_too_often"


@pytest.mark.parametrize("error", [KeyError("a row nobody expected"), DataError("a value that does not fit")])
def test_a_case_that_cannot_be_planned_does_not_stop_the_others(
    racing: Small, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is set aside for a while; without that it would come first each time and nothing else would ever run."""
    bad, good = racing.receive("chores"), racing.receive("chores")
    from orchestrator.flow.planning import Planner

    real = Planner.plan

    def plan(self: Any, first: Any = None) -> Any:
        if self.case.pk == bad.pk:
            raise error
        return real(self, first)

    monkeypatch.setattr(Planner, "plan", plan)
    services.advance(most=20)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.status == "done"
    assert bad.status == "received" and bad.wake_at is not None and bad.wake_at > database_now()
    monkeypatch.undo()
    assert racing.later(bad, 100).status == "done"


# ---------------------------------------------------------------------- pause and resume


@pytest.mark.parametrize(("scope", "name"), [("all", ""), ("agent", "clerk"), ("type", "chores"), ("system", "shop")])
def test_a_pause_stops_agents_steps_and_resuming_goes_on(company: Small, scope: str, name: str) -> None:
    """A pause changes no case: it neither fails nor goes to people, it waits."""
    pause(scope, name)
    case = company.receive("chores")
    for _n in range(3):
        company.later(case, 100)
    case.refresh_from_db()
    assert company.shop.sent("/tickets") == 0
    assert (case.status, case.holder_kind) == ("working", "ai"), case.why_here
    Switch.objects.update(paused=False)
    services.wake_paused()
    for _n in range(2):
        company.later(case, 100)
    case.refresh_from_db()
    assert case.status == "done"


def test_a_pause_in_the_middle_of_a_step_makes_it_wait(company: Small) -> None:
    """It comes between two calls of one recipe: what was written stays, the rest waits, nobody is bothered."""
    work = StepWork.objects.get(step__name="ticket")
    one, two = ({"write": "shop.ticket", "with": {"text": text}} for text in ("one", "two"))
    change(work, procedure=[one, two])
    real = working.StepTools.write
    calls: list[str] = []

    def write(self: Any, operation: str, arguments: Any, **more: Any) -> Any:
        done = real(self, operation, arguments, **more)
        calls.append(operation)
        if len(calls) == 1:
            pause("all")
        return done

    working.StepTools.write = write  # type: ignore[method-assign]
    try:
        case = company.go(company.receive("chores"))
        assert case.status == "working" and len(company.shop.effects("/tickets")) == 1
        company.later(case, 100)
        Switch.objects.update(paused=False)
        services.wake_paused()
        for _n in range(2):
            company.later(case, 100)
    finally:
        working.StepTools.write = real  # type: ignore[method-assign]
    case.refresh_from_db()
    assert case.status == "done" and [d["text"] for d in company.shop.done] == ["one", "two"]


def test_the_control_layer_s_look_ups_are_not_stopped_by_a_pause(company: Small) -> None:
    pause("all")
    case = company.go(company.receive("refund"))
    assert case.facts["order"]["known"] and case.stage == "steps"


# ---------------------------------------------------------------------- late results


def test_the_result_of_a_step_that_was_taken_over_meanwhile_is_not_used(racing: Small) -> None:
    """The turn passed while the agent's call was under way: recorded as late, no message, no step, no proposal."""
    racing.patient()
    case = racing.receive("refund")

    def meanwhile() -> None:
        racing.shop.hooks.clear()
        take_over(actor=racing.as_("ka"), case_id=case.pk)

    work = StepWork.objects.get(step__name="work_out")
    change(work, procedure=[{"write": "shop.ticket", "with": {"text": "x"}, "as": "t"}, *work.procedure])
    racing.shop.hooks["/tickets"] = meanwhile
    racing.go(case)
    case.refresh_from_db()
    assert case.holder_user is not None and case.holder_user.username == "ka"
    assert states(case).get("work_out") != "done" and case.proposals.count() == 0
    assert Run.objects.get(case=case, step="work_out", turn=1).state == "late"
    codes = racing.codes(case)
    assert "write.written" in codes and "agent.step_done" not in codes and "proposal.made" not in codes
    assert verify().first_broken is None


# ---------------------------------------------------------------------- when it is looked at again


# ---------------------------------------------------------------------- an outside agent's time


def limited(company: Small) -> Case:
    """The courier may have a step for a minute."""
    change(Agent.objects.get(name="courier"), limits={"seconds_per_run": 60})
    return company.go(company.receive("outside"))


def passed(case: Case, **time: float) -> None:
    """As if that time had passed since everything in this case began."""
    by = timedelta(**time)
    Run.objects.filter(case=case).update(started_at=F("started_at") - by)
    Proposal.objects.filter(case=case).update(created_at=F("created_at") - by, ended_at=F("ended_at") - by)
    Case.objects.filter(pk=case.pk, wake_at__gt=database_now()).update(wake_at=F("wake_at") - by)


def asks(company: Small, case: Case, operation: str = "shop.faq", **arguments: Any) -> CallAnswer:
    return call(actor=company.courier(), case_id=case.pk, operation=operation, arguments=arguments, turn=case.turn)


def test_an_outside_agent_that_falls_silent_loses_the_case(company: Small) -> None:
    """It crashed and calls no more: the case wakes at the end of its time, and people have it."""
    case, run = limited(company), Run.objects.get(step="deliver")
    assert case.wake_at == run.started_at + timedelta(seconds=60)
    passed(case, seconds=61)
    assert services.advance() == 1
    case.refresh_from_db()
    run.refresh_from_db()
    assert (case.status, case.holder_kind, run.state) == ("with_person", "team", "handed_over")
    assert case.why_here == {"code": "limit", "step": "deliver", "why": "The run took longer than 60 seconds."}
    assert states(case) == {"deliver": "handed_over"} and case.wake_at is None


def test_a_call_after_the_limit_hands_the_case_over(company: Small) -> None:
    case = limited(company)
    passed(case, seconds=61)
    with pytest.raises(Refused) as refusal:
        asks(company, case)
    assert refusal.value.detail["reason"] == "limit"
    case.refresh_from_db()
    assert (case.status, case.why_here["code"]) == ("with_person", "limit")


def test_waiting_for_people_does_not_count_against_an_outside_agent(company: Small) -> None:
    """Two proposals wait two hours together; once both are decided, the rest of the agent's minute goes on."""
    case = limited(company)
    waiting = [asks(company, case, "shop.voucher", amount=amount).approvals[0] for amount in (5, 6)]
    passed(case, hours=2)
    assert company.go(case).wake_at is None
    assert asks(company, case).status == "done"
    for approval in waiting:
        company.decide(Approval.objects.get(pk=approval), "do")
    case = company.go(case)
    assert case.holder_kind == "ai" and case.wake_at is not None
    assert timedelta() < case.wake_at - database_now() <= timedelta(seconds=60)
    assert asks(company, case).status == "done"
    passed(case, seconds=61)
    assert company.go(case).status == "with_person"


def test_a_pause_takes_no_case_from_an_outside_agent(company: Small) -> None:
    case = limited(company)
    passed(case, seconds=61)
    pause("agent", "courier")
    assert company.go(case).holder_kind == "ai"


def test_the_wake_up_time_is_right_in_each_state(company: Small) -> None:
    now = database_now()
    received = company.receive("refund")
    received.refresh_from_db()
    assert received.wake_at is not None and received.wake_at <= database_now()
    waiting, approval = company.waiting()
    waiting.refresh_from_db()
    assert waiting.wake_at is None and approval.due_at is None
    company.decide(approval)
    waiting.refresh_from_db()
    assert waiting.wake_at is not None and waiting.wake_at <= database_now()
    assert company.go(waiting).wake_at is None
    people = company.go(company.receive("side"))
    assert people.wake_at is None and people.status == "with_person"
    outside = company.go(company.receive("outside"))
    assert outside.wake_at is None and outside.status == "working"
    company.rule("slow", {"ask": "managers", "within": "2h"})
    deadline, second = company.waiting()
    deadline.refresh_from_db()
    assert deadline.wake_at == second.due_at and second.due_at is not None and second.due_at > now


def test_due_times_wake_a_case_and_are_told_once(company: Small) -> None:
    type_ = step("look", "side").type
    change(type_, due={"first_reply": "30m", "finish": "8h"})
    case = company.go(company.receive("side"))
    assert case.wake_at == case.first_reply_due
    Case.objects.filter(pk=case.pk).update(
        first_reply_due=database_now() - timedelta(seconds=1), wake_at=database_now()
    )
    for _n in range(2):
        Case.objects.filter(pk=case.pk).update(wake_at=database_now())
        company.go(case)
    case.refresh_from_db()
    assert company.codes(case).count("due.passed") == 1 and case.late_since is not None
    assert case.wake_at == case.finish_due


# ---------------------------------------------------------------------- many workers


def test_no_job_is_done_twice_by_many_workers(racing: Small) -> None:
    """D09: eight workers, twenty cases. Without SKIP LOCKED and claims some steps would run twice."""
    cases = [racing.receive("chores") for _n in range(20)]
    results = at_once([services.advance] * 8)
    assert all(isinstance(r, int) for r in results), results
    services.advance()
    assert {Case.objects.get(pk=case.pk).status for case in cases} == {"done"}
    assert len(racing.shop.effects("/tickets")) == 20 == racing.shop.sent("/tickets")
    assert Run.objects.filter(step="ticket").count() == 20
    for case in cases:
        assert racing.codes(case).count("agent.step_done") == 1 == racing.codes(case).count("write.written")
    assert verify().first_broken is None


def test_the_sweeper_finds_what_nobody_rang_for(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker may lose every message. Without the sweeper the case would wait for ever."""
    rung: list[Any] = []
    monkeypatch.setattr("cases.doorbell.current_app.send_task", lambda *a, **k: rung.append(a))
    assert services.sweep() is False
    case = company.receive("chores")
    assert services.sweep() is True
    Case.objects.filter(pk=case.pk).update(wake_at=database_now() + timedelta(hours=1))
    assert services.sweep() is False
    Case.objects.filter(pk=case.pk).update(wake_at=None)
    assert services.sweep() is False


def test_a_doorbell_that_cannot_be_rung_loses_nothing(racing: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("the broker is away")

    monkeypatch.setattr("cases.doorbell.current_app.send_task", away)
    case = racing.receive("chores")
    assert services.advance() >= 1
    case.refresh_from_db()
    assert case.status == "done"


def test_a_message_of_the_requester_continues_what_waited_for_it(company: Small) -> None:
    """Not enough data: the requester is asked, and the answer goes on with new facts. Asked twice is a person."""
    from cases.services import Sender
    from orchestrator.desk.services import add_message

    work = StepWork.objects.get(step__name="work_out", step__type__name="refund")
    change(work, procedure=[{"missing": ["order_number"], "ask": "hello"}, *work.procedure])
    template = work.step.type.templates.get(name="hello")
    change(template, texts={"en": "Which order, {customer.name}?"})
    company.standing("shop.send")
    case = company.go(company.receive(order="nothing"))
    assert case.status == "waiting_customer" and len(company.shop.effects("/messages")) == 1
    shop = company.receive("notes")
    from cases.actors import Actor

    actor = Actor("requester", "token shop", token_id=shop.token_id, token_name="shop", trusted=True)
    add_message(actor=actor, case_id=case.pk, text="Sorry: A100", sender=Sender("Chan", "chan@example.com"))
    case = company.go(case)
    assert case.status == "waiting_approval" and case.facts["order_number"]["value"] == "A100"
    assert len(company.shop.effects("/messages")) == 1
