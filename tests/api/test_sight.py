"""A stranger finds nothing: what is foreign and what is missing get one and the same answer, on every call."""

import uuid
from typing import Any

import pytest

from agents.models import FactSource, Grant, Policy, Run, StepWork, Write
from cases.models import Case, CaseSight, Fact, Message
from orchestrator.api.views.documents import document
from tests.api.program import Program, program
from tests.guarantees import guarantee
from tests.world import World, add_case_row

BODIES: dict[str, dict[str, Any]] = {
    "sort": {"type": "refund"},
    "messages": {"text": "a"},
    "close": {"outcome": "done"},
    "finish": {"turn": 1, "result": {}},
    "hand-over": {"summary": "a", "turn": 1},
    "calls": {"operation": "orders.get", "arguments": {}, "turn": 1},
    "decision": {"fingerprint": "f" * 64, "option": "full"},
}
NAMED = sorted(
    (method.upper(), path) for path, operations in document()["paths"].items() for method in operations if "{" in path
)


def filled(path: str, world: World, *, missing: bool) -> str:
    real = world.proposal.pk if "proposals" in path else world.approval.pk
    values = {
        "number": "C-999999" if missing else world.case.number,
        "id": str(uuid.uuid4() if missing else real),
        "standing_id": "999999" if missing else str(world.standing.pk),
        "name": "work_out",
    }
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def asked(sender: Program, method: str, path: str, body: dict[str, Any]) -> Any:
    return sender.post(path, body) if method == "POST" else sender.get(path)


@guarantee("X03", ci=1)
@pytest.mark.parametrize(("method", "path"), NAMED, ids=[f"{m} {p}" for m, p in NAMED])
def test_foreign_and_missing_look_alike(world: World, stranger: Program, method: str, path: str) -> None:
    body = BODIES.get(path.rstrip("/").rpartition("/")[2], {})
    agent_only = "agent" in document()["paths"][path][method.lower()]["description"].rpartition("Scopes:")[2]
    who = [stranger] if "staff" in document()["paths"][path][method.lower()]["description"] else []
    who += [program("decide", "staff", user=world.outsider)] if "decision" in path or "undo" in path else []
    who += [program("agent", agent=world.idle)] if agent_only else []
    for sender in who or [stranger]:
        answers = [asked(sender, method, filled(path, world, missing=missing), body) for missing in (False, True)]
        assert [a.status_code for a in answers] == [404, 404], [a.content for a in answers]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["code"] == "not_found"


@guarantee("X03", ci=1)
def test_a_strangers_lists_and_counts_are_empty(world: World, stranger: Program) -> None:
    for path in ("cases/", "approvals/", "cases/?q=88213", "approvals/?waiting_for=me"):
        assert stranger.get(f"/api/v1/{path}").json()["results"] == []
    asked = {"case": world.case.number, "proposal": str(world.proposal.pk)}
    for name, value in asked.items():
        assert stranger.get("approvals/", **{name: value}).json()["results"] == []
    counts = stranger.get("reports/summary/").json()
    assert counts["received"] == 0
    assert counts["by_type"] == {}
    assert stranger.get("reports/summary/", type="refund").json()["received"] == 0


def test_a_team_token_sees_what_its_team_sees(world: World, reader: Program) -> None:
    assert [row["number"] for row in reader.get("cases/").json()["results"]] == [world.case.number]
    other = program("read", team=world.outsider.groups.get().team)
    assert other.get("cases/").json()["results"] == []
    CaseSight.objects.create(case=world.case, team=other.token.team, reason="asked", at=world.now)
    assert [row["number"] for row in other.get("cases/").json()["results"]] == [world.case.number]


@pytest.mark.parametrize("who", ["frontline", "manager", "reader"])
def test_a_token_sees_exactly_what_its_person_or_team_sees(world: World, who: str, request: Any) -> None:
    secret = add_case_row(world.refund, world.now, confidential=True)
    add_case_row(None, world.now, holder_kind="team", holder_team=world.support)
    add_case_row(None, world.now)
    sees = request.getfixturevalue(who)
    shown = {row["number"] for row in sees.get("cases/").json()["results"]}
    person = world.frontline if who == "reader" else sees.token.user
    assert shown == {case.number for case in Case.objects.visible_to(person)}
    assert secret.number not in shown


def test_an_agent_sees_only_cases_with_its_open_step(world: World, agent: Program) -> None:
    assert agent.get(f"cases/{world.case.number}/").status_code == 200
    other = add_case_row(world.delivery, world.now)
    assert agent.get(f"cases/{other.number}/").status_code == 404
    world.case.runs.update(state="done")
    world.case.steps["work_out"]["state"] = "done"
    world.case.save()
    assert agent.get(f"cases/{world.case.number}/").status_code == 404


def test_an_agent_that_is_early_is_told_to_come_again(world: World, idle_agent: Program) -> None:
    from tests.api.conftest import step_of

    path = f"cases/{world.case.number}/calls/"
    body = {"operation": "orders.get", "arguments": {}, "turn": 1}
    assert idle_agent.post(path, body).status_code == 404
    step_of(world, "reply", world.idle)
    answer = idle_agent.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")
    assert int(answer["Retry-After"]) >= 1
    Case.objects.filter(pk=world.case.pk).update(status="done")
    assert idle_agent.post(path, body).status_code == 404


def test_an_agent_sees_no_notes_no_rules_and_only_granted_facts(world: World, agent: Program) -> None:
    Message.objects.create(case=world.case, direction="note", author="May", text="VIP, be careful", at=world.now)
    said = agent.get(f"cases/{world.case.number}/").json()
    assert "VIP" not in str(said)
    assert {name: fact["known"] for name, fact in said["facts"].items()}["customer"] is True
    assert said["facts"]["customer"]["value"] is None
    proposal = agent.get(f"proposals/{world.proposal.pk}/").json()
    assert proposal["rules"] == []
    assert proposal["evidence"] == []
    staff = program("staff", user=world.frontline)
    assert "VIP" in str(staff.get(f"cases/{world.case.number}/").json())
    assert staff.get(f"proposals/{world.proposal.pk}/").json()["rules"][0]["compared"]


def test_an_agent_sees_no_proposal_of_another(world: World, idle_agent: Program) -> None:
    assert idle_agent.get(f"proposals/{world.proposal.pk}/").status_code == 404


def test_an_agent_reads_of_a_write_what_its_call_was_answered(world: World, agent: Program) -> None:
    """It has two grants of the operation: the one of the write's own step says which fields, whatever else is open."""
    Grant.objects.filter(pk=world.grant.pk).update(steps=["work_out"], fields=["id"])
    Grant.objects.create(
        agent=world.finance, operation=world.refund_payment, reason="a", until=world.grant.until, steps=["reply"]
    )
    Run.objects.create(case=world.case, step="reply", agent=world.finance, turn=1, started_at=world.now)
    write = next(one for one in world.writes if one.operation == world.refund_payment)
    Write.objects.filter(pk=write.pk).update(step="work_out", result={"id": "R-1", "card": "4242"})
    said = agent.get(f"proposals/{world.proposal.pk}/").json()
    (result,) = [one["result"] for option in said["options"] for one in option["writes"] if one["id"] == str(write.pk)]
    assert result == {"id": "R-1"}


def test_an_agent_sees_of_a_fact_only_what_its_grant_shows_of_the_answer(world: World, agent: Program) -> None:
    """The fact is a part of what the system answers: the granted paths are those of the whole answer."""
    customer = Fact.objects.get(type=world.refund, name="customer")
    FactSource.objects.create(
        fact=customer, kind="look_up", operation=world.get_order, settings={"arguments": {}, "path": "customer"}
    )

    def seen(*fields: str) -> Any:
        Grant.objects.filter(agent=world.finance, operation=world.get_order).update(fields=list(fields))
        Policy.objects.update(stamp=uuid.uuid4())
        return agent.get(f"cases/{world.case.number}/").json()["facts"]["customer"]["value"]

    whole = world.case.facts["customer"]["value"]
    assert seen("name") is None
    assert seen("customer.name") == {"name": whole["name"]}
    assert seen("customer") == whole


def test_an_open_step_names_what_the_gate_lets_it_call(world: World, agent: Program) -> None:
    StepWork.objects.filter(step__name="work_out").update(operations=["orders.get"])
    assert [row["operations"] for row in agent.get("runs/").json()["results"]] == [["orders.get"]]
