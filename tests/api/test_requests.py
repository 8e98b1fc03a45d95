"""Requests come in: kept once, by their external id too, and only a trusted token says who the customer is."""

from typing import Any

import pytest

from cases.models import Case, Event, Message
from orchestrator.api.models import ApiToken
from tests.api.program import Program, program
from tests.world import World

ASKED: dict[str, Any] = {"source": "customer", "channel": "whatsapp", "text": "Where is order 88213?"}


def test_a_request_is_kept_with_everything_it_said(world: World, intake: Program) -> None:
    answer = intake.post(
        "requests/",
        ASKED
        | {
            "from": {"name": "Chan Tai Man", "contact": "+85291234567"},
            "subject": "Order 88213",
            "type": "refund",
            "form": {"order_number": "88213", "amount": 12.5},
            "operations": ["orders.get"],
            "external_id": "wa-1",
        },
    )
    assert answer.status_code == 201
    said = answer.json()
    case = Case.objects.get(pk=int(said["case"].removeprefix("C-")))
    assert said.pop("told")
    assert said == {"case": case.number, "status": "received", "url": f"http://testserver/api/v1/cases/{case.number}/"}
    assert (case.type, case.subject, case.requester_name) == (world.refund, "Order 88213", "Chan Tai Man")
    assert case.operations == ["orders.get"]
    assert not case.form_binds
    assert case.token_id == intake.token.pk
    assert case.wake_at is not None
    assert Message.objects.get(case=case).text == ASKED["text"]
    assert Event.objects.get(case=case).code == "request.received"


def test_a_repeated_external_id_gives_the_same_case(world: World, intake: Program) -> None:
    first = intake.post("requests/", ASKED | {"external_id": "wa-1"})
    second = intake.post("requests/", ASKED | {"external_id": "wa-1", "text": "Again"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["case"] == second.json()["case"]
    other = program("intake", name="other").post("requests/", ASKED | {"external_id": "wa-1"})
    assert other.status_code == 201
    assert other.json()["case"] != first.json()["case"]


def test_only_a_trusted_token_or_a_person_says_who_the_customer_is(world: World) -> None:
    tokens = {
        "": program("intake"),
        "CU-77": program("intake", trusted_identity=True),
        "CU-77 ": program("staff", user=world.frontline),
    }
    for expected, sender in tokens.items():
        answer = sender.post("requests/", ASKED | {"from": {"customer": "CU-77"}})
        case = Case.objects.get(pk=int(answer.json()["case"].removeprefix("C-")))
        assert case.customer == expected.strip()
        assert case.form_binds == (expected == "CU-77 ")


def test_a_staff_token_hands_in_as_its_person(world: World, frontline: Program) -> None:
    answer = frontline.post("requests/", ASKED | {"source": "staff"})
    assert Case.objects.get(pk=int(answer.json()["case"].removeprefix("C-"))).opened_by == world.frontline


def test_a_message_goes_to_a_request_that_the_program_handed_in(world: World, intake: Program) -> None:
    number = intake.post("requests/", ASKED | {"type": "refund"}).json()["case"]
    answer = intake.post(f"cases/{number}/messages/", {"text": "It is 88213."})
    assert answer.status_code == 201
    assert answer.json()["direction"] == "in"
    assert [m.text for m in Message.objects.filter(case_id=number[2:])][-1] == "It is 88213."


def test_an_external_id_of_a_message_belongs_to_its_token(world: World, frontline: Program) -> None:
    """Another program's number may be the same: its message was answered with this one's and never kept."""
    bridge = program("intake", "staff", user=world.colleague, name="bridge")
    path = f"cases/{world.case.number}/messages/"
    said = {"text": "It is 88213.", "from": {"name": "Chan"}, "external_id": "17"}
    first = bridge.post(path, said).json()
    assert bridge.post(path, said).json() == first
    note = frontline.post(path, {"text": "Called the courier.", "private": True, "external_id": "17"}).json()
    assert (note["text"], note["private"]) == ("Called the courier.", True)
    assert Message.objects.filter(external_id="17").count() == 2


def test_a_program_writes_no_private_notes(world: World, intake: Program) -> None:
    number = intake.post("requests/", ASKED).json()["case"]
    answer = intake.post(f"cases/{number}/messages/", {"text": "a", "private": True})
    assert answer.status_code == 422


def test_another_programs_case_looks_like_none(world: World, intake: Program) -> None:
    number = intake.post("requests/", ASKED).json()["case"]
    other = program("intake", name="other")
    answers = [other.post(f"cases/{n}/messages/", {"text": "a"}) for n in (number, "C-999999")]
    assert [a.status_code for a in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def test_an_agent_is_not_the_requester_of_a_case_it_works_on(world: World, agent: Program) -> None:
    """Tokens with both scopes may be left from before they were refused."""
    assert agent.token is not None
    ApiToken.objects.filter(pk=agent.token.pk).update(scopes=["agent", "intake"])
    number, before = world.case.number, Message.objects.count()
    assert agent.get(f"cases/{number}/").status_code == 200
    assert agent.post(f"cases/{number}/messages/", {"text": "I agree"}).status_code == 404
    assert agent.post(f"cases/{number}/close/", {"outcome": "never mind"}).status_code == 404
    assert Message.objects.count() == before
    assert Case.objects.get(pk=world.case.pk).is_open


def test_a_person_leaves_a_note_that_only_staff_see(world: World, frontline: Program) -> None:
    path = f"cases/{world.case.number}/messages/"
    answer = frontline.post(path, {"text": "Called the courier.", "private": True})
    assert answer.status_code == 201
    assert answer.json()["private"] is True
    assert Message.objects.get(pk=answer.json()["id"]).direction == "note"


@pytest.mark.parametrize("private", [True])
def test_a_message_of_the_requester_is_never_private(world: World, frontline: Program, private: bool) -> None:
    body = {"text": "a", "private": private, "from": {"name": "Chan"}}
    assert frontline.post(f"cases/{world.case.number}/messages/", body).status_code == 422
