"""An outside agent at work through the API: its steps, calls, results; and people who call by hand. The real gate."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Grant, Proposal, Run
from cases.models import Case, Event
from tests.api.program import Program, program
from tests.world import World, add_case_row

REFUND = "payments.refund"


def path(world: World, what: str) -> str:
    return f"cases/{world.case.number}/{what}/"


def body(world: World, **change: Any) -> dict[str, Any]:
    return {"operation": "orders.get", "arguments": {"number": "88213"}, "turn": world.case.turn} | change


def test_an_agent_finds_its_open_steps(world: World, agent: Program, idle_agent: Program) -> None:
    rows = agent.get("runs/", open="1").json()["results"]
    assert [(row["case"], row["step"], row["turn"]) for row in rows] == [(world.case.number, "work_out", 1)]
    assert idle_agent.get("runs/").json()["results"] == []
    Run.objects.update(state="done")
    assert agent.get("runs/").json()["results"] == []
    assert len(agent.get("runs/", open="0").json()["results"]) == 1
    Run.objects.update(state="open")
    Case.objects.update(turn=2)
    assert agent.get("runs/").json()["results"] == []


def test_the_steps_cost_as_many_questions_for_many_as_for_few(world: World, agent: Program) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert agent.get("runs/", limit=200).status_code == 200
        return len(queries)

    asked()  # the configuration is read once a process
    few = asked()
    for _n in range(20):
        case = add_case_row(world.refund, world.now)
        Run.objects.create(case=case, step="work_out", agent=world.finance, turn=1, started_at=world.now)
    assert asked() == few


@pytest.mark.parametrize(
    ("change", "status", "code", "reason"),
    [
        ({"operation": "payments.nothing"}, 403, "refused", "grant"),
        ({"operation": "messages.send", "arguments": {"to": "a", "text": "b"}}, 403, "refused", "grant"),
        ({"turn": 7}, 404, "not_found", None),
        ({"operation": "payments.refund", "arguments": {"amount": "480"}}, 422, "invalid", None),
        ({"operation": REFUND, "arguments": {"payment_id": "P-1", "amount": 1, "to": "me"}}, 422, "invalid", None),
        ({"operation": REFUND, "arguments": {"payment_id": "P-else", "amount": 1}}, 403, "refused", "scope"),
    ],
)  # fmt: skip
def test_the_gate_says_why_it_refused(
    world: World, agent: Program, change: dict[str, Any], status: int, code: str, reason: str | None
) -> None:
    Grant.objects.filter(operation=world.send_message).delete()
    if change.get("turn"):
        status, code = 409, "turn_passed"
    answer = agent.post(path(world, "calls"), body(world, **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    if reason:
        assert answer.json()["detail"]["reason"] == reason
        assert Event.objects.filter(case=world.case, code="gate.refused").count() == 1
    assert Proposal.objects.count() == 1


def test_a_number_that_no_json_holds_reaches_no_system(world: World, agent: Program) -> None:
    """It was judged as a number, and what waited to be sent was the text of it."""
    raw = json.dumps(body(world, operation=REFUND, arguments={"payment_id": "P-4242", "amount": 1}))
    raw = raw.replace('"amount": 1', '"amount": 0.1234567890123456789012345')
    answer = agent.send("POST", path(world, "calls"), raw.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.content
    assert Proposal.objects.count() == 1


def test_a_pause_is_a_reason(world: World, agent: Program) -> None:
    from agents.models import Switch

    Switch.objects.filter(scope="all").update(paused=True, reason="Stocktaking", by="May")
    answer = agent.post(path(world, "calls"), body(world))
    assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "paused")


def test_an_agent_whose_turn_has_passed_is_told_so(world: World, agent: Program, frontline: Program) -> None:
    frontline.post(path(world, "take-over"))
    for what, sent in {
        "calls": body(world),
        "steps/work_out/finish": {"turn": 1, "result": {}},
        "hand-over": {"summary": "a", "turn": 1},
    }.items():
        answer = agent.post(path(world, what), sent)
        assert (answer.status_code, answer.json()["code"]) == (409, "turn_passed"), what


def test_a_finished_step_leaves_the_agents_sight(world: World, agent: Program) -> None:
    Proposal.objects.update(run=None)
    answer = agent.post(
        path(world, "steps/work_out/finish"), {"turn": 1, "result": {"values": {"days": 3}, "note": "ok"}}
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["case"] == world.case.number
    assert Run.objects.get().state == "done"
    assert agent.get(f"cases/{world.case.number}/").status_code == 404
    for what, sent in {
        "calls": body(world),
        "steps/work_out/finish": {"turn": 1, "result": {}},
        "hand-over": {"summary": "a", "turn": 1},
    }.items():  # nobody else took the case on: its own step is over
        answer = agent.post(path(world, what), sent)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), what


def test_a_step_of_another_agent_is_not_finished(world: World, agent: Program) -> None:
    assert agent.post(path(world, "steps/reply/finish"), {"turn": 1, "result": {}}).status_code == 404
    assert Run.objects.get().state == "open"


def test_an_agent_hands_a_case_to_people(world: World, agent: Program) -> None:
    answer = agent.post(path(world, "hand-over"), {"summary": "The customer threatens to sue.", "turn": 1})
    assert answer.status_code == 200, answer.content
    assert Case.objects.get(pk=world.case.pk).holder_kind == "team"


def test_a_person_takes_over_before_they_write(world: World, frontline: Program) -> None:
    call = body(world, operation="payments.refund", arguments={"payment_id": "P-4242", "amount": 480})
    answer = frontline.post(path(world, "calls"), call)
    assert answer.status_code in {403, 409}
    assert answer.json()["code"] in {"wrong_state", "refused"}


def test_who_only_sees_a_case_calls_nothing(world: World) -> None:
    answer = program("staff", user=world.auditor).post(path(world, "calls"), body(world))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_right")


def test_wait_ends_a_call_with_what_became_of_its_proposal(
    world: World, frontline: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.api.test_keys import answer_with, told

    answer_with(monkeypatch, lambda **_: told("waiting", 202, proposal_id=str(world.proposal.pk)))
    first = frontline.post(path(world, "calls"), body(world))
    assert (first.status_code, first.json()["status"]) == (202, "waiting")

    def sleep(_seconds: float) -> None:
        Proposal.objects.update(state="rejected")

    monkeypatch.setattr("orchestrator.api.waiting.time.sleep", sleep)
    answer = frontline.post(path(world, "calls"), body(world), key="k", wait=20)
    assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    assert frontline.post(path(world, "calls"), body(world), key="k").json() == answer.json()
