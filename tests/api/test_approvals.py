"""Approvals through the API: read, decide, undo, confirm. Never at high risk, never by who is not asked."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Proposal
from approvals.models import Approval, Decision
from approvals.standing import pause_standing, resume_standing
from cases.actors import person
from cases.models import Case
from tests.api.program import Program, program
from tests.world import FINGERPRINT, World, add_approval, add_case_row


def decision(world: World, **change: Any) -> dict[str, Any]:
    return {"fingerprint": FINGERPRINT, "option": "full"} | change


def test_an_approval_shows_every_field_of_the_contract(world: World, manager: Program) -> None:
    said = manager.get(f"approvals/{world.approval.pk}/").json()
    assert said["case"] == world.case.number
    assert said["proposal"] == str(world.proposal.pk)
    assert said["fingerprint"] == FINGERPRINT
    assert said["asked"] == [{"team": "support-managers", "people": 1}]
    assert [option["name"] for option in said["options"]] == ["reject", "partial", "full"]
    refund = said["options"][2]["writes"][0]
    assert refund["operation"] == "payments.refund"
    assert refund["money"] == {"amount": "480.00", "currency": "HKD"}
    assert str(said["rules"][0]["compared"][0]["left_value"]) == "480"
    assert (said["decided_by"], said["decided_at"]) == ([], None)


def test_the_inbox_is_what_the_person_can_decide(world: World, manager: Program, frontline: Program) -> None:
    def ids(p: Program, **query: str) -> list[str]:
        return [row["id"] for row in p.get("approvals/", **query).json()["results"]]

    mine = [str(world.approval.pk)]
    assert ids(manager, waiting_for="me") == mine
    assert ids(frontline, waiting_for="me") == []
    assert ids(frontline) == mine
    assert ids(manager, case=world.case.number) == mine
    assert ids(manager, proposal=str(world.proposal.pk), state="waiting") == mine
    assert ids(manager, state="decided") == []
    own = add_case_row(world.refund, world.now, opened_by=world.manager)
    add_approval(world, own)
    assert ids(manager, waiting_for="me") == mine


def test_approvals_come_in_pages(world: World, manager: Program) -> None:
    for _n in range(4):
        add_approval(world, add_case_row(world.refund, world.now))
    seen, page = [], manager.get("approvals/", limit=2).json()
    while True:
        seen += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        page = manager.get(page["next"].removeprefix("http://testserver")).json()
    assert len(seen) == len(set(seen)) == Approval.objects.count()


def test_the_inbox_asks_the_database_as_often_for_many_as_for_few(world: World, manager: Program) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert manager.get("approvals/", limit=200).status_code == 200
        return len(queries)

    few = asked()
    for _n in range(20):
        add_approval(world, add_case_row(world.refund, world.now))
    assert asked() == few


def test_a_decision_names_person_and_token(world: World, manager: Program) -> None:
    answer = manager.post(f"approvals/{world.approval.pk}/decision/", decision(world))
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["state"] == "decided"
    assert said["decided_option"] == "full"
    assert said["decided_by"] == ["May Lee"]
    row = Decision.objects.get()
    assert (row.user, row.token_name) == (world.manager, "test")


def test_a_second_decision_is_told_who_decided(world: World, manager: Program) -> None:
    manager.post(f"approvals/{world.approval.pk}/decision/", decision(world))
    answer = program("staff", "decide", user=world.deputy).post(
        f"approvals/{world.approval.pk}/decision/", decision(world)
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    assert "May Lee" in str(answer.json())


def test_a_key_decides_once(world: World, manager: Program) -> None:
    path = f"approvals/{world.approval.pk}/decision/"
    first = manager.post(path, decision(world), key="k")
    assert manager.post(path, decision(world), key="k").json() == first.json()
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"fingerprint": "0" * 64}, 409, "changed"),
        ({"option": "reject"}, 422, "reason_required"),
        ({"option": "free_gift"}, 422, "invalid"),
        ({"fingerprint": "abc"}, 422, "invalid"),
        ({"approved_by": "me"}, 422, "invalid"),
        ({"state": "decided"}, 422, "invalid"),
        ({"edits": {"refund": 5}}, 422, "invalid"),
    ],
)
def test_it_refuses_a_decision_that_does_not_fit(
    world: World, manager: Program, change: dict[str, Any], status: int, code: str
) -> None:
    answer = manager.post(f"approvals/{world.approval.pk}/decision/", decision(world, **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Decision.objects.exists()


def test_an_amount_with_cents_is_decided(world: World, manager: Program) -> None:
    """The body's fractions are exact decimals, which no stored JSON takes."""
    edits = {"refund": {"amount": 240.5}}
    answer = manager.post(
        f"approvals/{world.approval.pk}/decision/", decision(world, edits=edits, reason="Half of it is late")
    )
    assert answer.status_code == 200, answer.content
    assert Decision.objects.get().edits == edits
    options = {one["name"]: one for one in answer.json()["options"]}
    assert options["full"]["writes"][0]["arguments"]["amount"] == 240.5


def test_an_amount_that_no_json_holds_is_refused(world: World, manager: Program) -> None:
    raw = json.dumps(decision(world, edits={"refund": {"amount": 1}}, reason="a"))
    raw = raw.replace('"amount": 1', '"amount": 0.1234567890123456789012345')
    answer = manager.send("POST", f"approvals/{world.approval.pk}/decision/", raw.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.content
    assert not Decision.objects.exists()


def test_high_risk_is_never_decided_by_a_token(world: World, manager: Program) -> None:
    Approval.objects.update(risk="high")
    answer = manager.post(f"approvals/{world.approval.pk}/decision/", decision(world))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_right")
    assert not Decision.objects.exists()


def test_a_staff_token_without_decide_decides_nothing(world: World) -> None:
    answer = program("staff", user=world.manager).post(f"approvals/{world.approval.pk}/decision/", decision(world))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_right")


def test_who_is_not_asked_decides_nothing(world: World) -> None:
    sees = program("staff", "decide", user=world.frontline)
    answer = sees.post(f"approvals/{world.approval.pk}/decision/", decision(world))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_right")
    assert not Decision.objects.exists()


def test_a_decision_in_its_hold_is_undone(world: World, manager: Program) -> None:
    path = f"approvals/{world.approval.pk}"
    manager.post(f"{path}/decision/", decision(world))
    answer = manager.post(f"{path}/undo/")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["state"], answer.json()["decided_by"]) == ("waiting", [])
    again = manager.post(f"{path}/undo/")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert again.json()["message"].startswith("May Lee took this decision back already")
    assert again.json()["detail"]["undone_by"].startswith("May Lee")


def test_only_the_named_person_confirms_a_standing_approval(world: World, manager: Program) -> None:
    world.standing.confirmed_at = world.standing.rule_version = None
    world.standing.by = world.manager.username
    world.standing.save()
    path = f"standing-approvals/{world.standing.pk}/confirm/"
    other = program("staff", "decide", user=world.deputy).post(path)
    assert other.status_code in {403, 404}
    version = manager.get("standing-approvals/").json()["results"][0]["version"]
    old = manager.post(path, {"version": version + 1})
    assert (old.status_code, old.json()["code"]) == (409, "wrong_state")
    assert manager.post(path, {"version": "x"}).status_code == 422
    answer = manager.post(path, {"version": version})
    assert answer.status_code == 200, answer.content
    assert answer.json()["in_force"] is True
    rows = manager.get("standing-approvals/").json()["results"]
    assert [row["rule"] for row in rows if row["in_force"]] == [world.standing.rule.name]


def test_a_proposal_shows_the_three_records(world: World, frontline: Program) -> None:
    said = frontline.get(f"proposals/{world.proposal.pk}/").json()
    assert said["state"] == "waiting"
    assert len(said["proposed"]) == len(world.writes)
    assert said["decided"] == said["carried_out"] == []


def test_wait_on_a_proposal_ends_with_its_last_state(
    world: World, frontline: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(_seconds: float) -> None:
        world.proposal.state, world.proposal.ended_at = "rejected", timezone.now()
        world.proposal.save()

    monkeypatch.setattr("orchestrator.api.waiting.time.sleep", sleep)
    assert frontline.get(f"proposals/{world.proposal.pk}/", wait=20).json()["state"] == "rejected"


def test_who_loses_sight_of_a_proposal_while_waiting_is_told_nothing_of_it(
    world: World, reader: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(_seconds: float) -> None:
        Case.objects.filter(pk=world.case.pk).update(confidential=True)
        Proposal.objects.filter(pk=world.proposal.pk).update(state="withdrawn")

    monkeypatch.setattr("orchestrator.api.waiting.time.sleep", sleep)
    answer = reader.get(f"proposals/{world.proposal.pk}/", wait=30)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.json()


def test_secret_arguments_are_never_shown(world: World, manager: Program) -> None:
    world.add_note.secret = ["text"]
    world.add_note.save()
    for path in (
        f"approvals/{world.approval.pk}/",
        f"proposals/{world.proposal.pk}/",
        f"audit/cases/{world.case.number}/",
    ):
        said = manager.get(path).content.decode()
        assert "half refund" not in said
        assert "•••" in said


def test_a_paused_standing_approval_says_since_when_and_who_paused_it(world: World, manager: Program) -> None:
    def shown() -> dict[str, Any]:
        rows = manager.get("standing-approvals/").json()["results"]
        return next(row for row in rows if row["id"] == world.standing.pk)

    world.standing.by = world.manager.username
    world.standing.save()
    manager.post(f"standing-approvals/{world.standing.pk}/confirm/")
    assert (shown()["in_force"], shown()["paused_at"], shown()["paused_by"]) == (True, None, "")
    row = pause_standing(actor=person(world.head), standing_id=world.standing.pk)
    assert row.paused_at is not None and shown()["in_force"] is False
    assert datetime.fromisoformat(shown()["paused_at"]) == row.paused_at
    assert shown()["paused_by"] == person(world.head).label
    resume_standing(actor=person(world.manager), standing_id=row.pk)
    assert (shown()["in_force"], shown()["paused_at"], shown()["paused_by"]) == (True, None, "")
