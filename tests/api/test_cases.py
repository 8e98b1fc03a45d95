"""Cases: lists, one case, its timeline; and what people do with one, each as its button does it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Run
from cases import ledger
from cases.actors import CONTROL
from cases.ledger import Entry
from cases.models import Case, RequestType, Team
from cases.permissions import give_team_rights
from tests.api.program import Program
from tests.world import World, add_case_row


def numbers(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["number"] for row in answer.json()["results"]]


def test_one_case_has_every_field_of_the_contract(world: World, frontline: Program) -> None:
    said = frontline.get(f"cases/{world.case.number}/").json()
    assert said["number"] == world.case.number
    assert said["type"] == "refund"
    assert said["status"] == "waiting_approval"
    assert said["holder"] == {"kind": "ai", "name": "AI"}
    assert said["facts"]["order_total"]["value"] == {"amount": "480.00", "currency": "HKD"}
    assert said["facts"]["refunds_90d"] | {"at": "", "title": ""} == {
        "title": "", "kind": "number", "value": None, "known": False, "source": "Payments", "at": "",
    }  # fmt: skip
    assert [step["name"] for step in said["steps"]][:1] != []
    assert said["proposals"][0]["id"] == str(world.proposal.pk)
    assert said["approvals"][0]["id"] == str(world.approval.pk)
    assert said["messages"][0]["direction"] == "in"
    assert said["due"]["finish"].endswith("Z")


def test_a_step_that_waits_for_people_is_open_and_one_that_was_not_begun_waits(
    world: World, frontline: Program
) -> None:
    """An agent by recipe leaves no word on the case until its step is done; its run says that it was begun."""

    def states() -> dict[str, str]:
        said = frontline.get(f"cases/{world.case.number}/").json()
        return {step["name"]: step["state"] for step in said["steps"]}

    Case.objects.filter(pk=world.case.pk).update(steps={})
    assert states() == {"work_out": "waiting", "reply": "waiting"}
    run = Run.objects.create(
        case=world.case, step="work_out", agent=world.finance, turn=world.case.turn, started_at=world.now
    )
    assert states() == {"work_out": "open", "reply": "waiting"}
    Run.objects.filter(pk=run.pk).update(state="late")
    assert states() == {"work_out": "waiting", "reply": "waiting"}


def test_the_list_is_narrowed_by_its_options(world: World, frontline: Program) -> None:
    late = add_case_row(world.delivery, world.now, finish_due=world.now - timedelta(hours=1), status="with_person",
                        holder_kind="person", holder_user=world.frontline, subject="Parcel lost")  # fmt: skip
    done = add_case_row(world.refund, world.now, status="done")
    expected: list[tuple[dict[str, str], set[str]]] = [
        ({}, {world.case.number, late.number, done.number}),
        ({"type": "late_delivery"}, {late.number}),
        ({"status": "done"}, {done.number}),
        ({"holder": "person"}, {late.number}),
        ({"holder": "me"}, {late.number}),
        ({"team": "support"}, {world.case.number, late.number, done.number}),
        ({"team": "heads"}, set()),
        ({"due": "late"}, {late.number}),
        ({"due": "week"}, {world.case.number, late.number}),
        ({"q": "parcel"}, {late.number}),
        ({"q": world.case.number.lower()}, {world.case.number}),
        ({"q": "%"}, set()),
    ]
    for options, found in expected:
        assert set(numbers(frontline.get("cases/", **options))) == found, options


def test_pages_neither_skip_nor_repeat(world: World, frontline: Program) -> None:
    for _n in range(6):
        add_case_row(world.refund, world.now)
    whole = numbers(frontline.get("cases/"))
    first = frontline.get("cases/", limit=3).json()
    assert first["previous"] is None
    add_case_row(world.refund, world.now)  # a newer one moves no page
    second = frontline.get(first["next"].removeprefix("http://testserver")).json()
    third = frontline.get(second["next"].removeprefix("http://testserver")).json()
    assert third["next"] is None
    seen = [row["number"] for page in (first, second, third) for row in page["results"]]
    assert seen == whole
    back = frontline.get(third["previous"].removeprefix("http://testserver")).json()
    assert back["results"] == second["results"]


def test_the_list_asks_the_database_as_often_for_many_as_for_few(world: World, frontline: Program) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            frontline.get("cases/", limit=200)
        return len(queries)

    few = asked()
    for _n in range(40):
        add_case_row(world.refund, world.now, holder_kind="person", holder_user=world.frontline)
    assert asked() == few


def test_the_timeline_is_the_ledger_with_its_hashes(world: World, frontline: Program) -> None:
    case = Case.objects.get(pk=world.case.pk)
    entries = [Entry("case.taken_over", CONTROL, {"turn": n}) for n in range(5)]
    ledger.append(case, entries, now=world.now)
    case.save()
    first = frontline.get(f"cases/{case.number}/timeline/", limit=3).json()
    assert [event["seq"] for event in first["results"]] == [1, 2, 3]
    second = frontline.get(first["next"].removeprefix("http://testserver")).json()
    assert [event["seq"] for event in second["results"]] == [4, 5]
    assert second["next"] is None
    assert second["results"][-1]["hash"] == case.head
    assert "_actor" not in second["results"][0]["detail"]


def test_wait_answers_at_once_when_nothing_is_to_be_waited_for(world: World, frontline: Program) -> None:
    assert frontline.get(f"cases/{world.case.number}/", wait=60).status_code == 200


def test_wait_holds_the_answer_while_the_ai_works(
    world: World, frontline: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    Case.objects.filter(pk=world.case.pk).update(status="working")
    looks = []

    def sleep(_seconds: float) -> None:
        looks.append(1)
        if len(looks) == 3:
            Case.objects.filter(pk=world.case.pk).update(status="with_person", holder_kind="team")

    monkeypatch.setattr("orchestrator.api.waiting.time.sleep", sleep)
    said = frontline.get(f"cases/{world.case.number}/", wait=30).json()
    assert said["status"] == "with_person"
    assert len(looks) == 3


def test_a_person_takes_a_case_over_and_hands_it_back(world: World, frontline: Program) -> None:
    path = f"cases/{world.case.number}"
    taken = frontline.post(f"{path}/take-over/").json()
    assert taken["holder"] == {"kind": "person", "name": "Ka Yan Ho"}
    assert taken["turn"] == world.case.turn + 1
    assert {row["state"] for row in taken["approvals"]} == {"withdrawn"}
    back = frontline.post(f"{path}/hand-back/", {"may": "continue", "promised": "A call tomorrow"}).json()
    assert back["holder"]["kind"] == "ai"
    assert back["promised"] == "A call tomorrow"


def test_a_case_is_closed_and_opened_again(world: World, frontline: Program) -> None:
    path = f"cases/{world.case.number}"
    frontline.post(f"{path}/take-over/")
    closed = frontline.post(f"{path}/close/", {"outcome": "refunded by hand"}).json()
    assert (closed["status"], closed["outcome"]) == ("done", "refunded by hand")
    again = frontline.post(f"{path}/close/", {"outcome": "twice"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert frontline.post(f"{path}/reopen/").json()["status"] != "done"


def test_a_person_corrects_the_type(world: World, frontline: Program) -> None:
    answer = frontline.post(f"cases/{world.case.number}/sort/", {"type": "late_delivery"})
    assert answer.json()["type"] == "late_delivery"
    wrong = frontline.post(f"cases/{world.case.number}/sort/", {"type": "nothing"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")


def test_none_of_our_types_is_taken_back_with_the_type_it_had(world: World, frontline: Program) -> None:
    """It waited to be sorted, and of all types only the right one was refused."""
    path = f"cases/{world.case.number}/sort/"
    assert frontline.post(path, {"type": "none"}).json()["status"] == "triage"
    answer = frontline.post(path, {"type": "refund"})
    assert (answer.status_code, answer.json().get("status")) == (200, "working"), answer.json()
    assert frontline.post(path, {"type": "refund"}).status_code == 409


def test_what_takes_a_case_out_of_ones_sight_is_answered_as_done(world: World, frontline: Program) -> None:
    """It was answered with 404, "Nothing was changed", though the other team had the case."""
    stock = RequestType.objects.create(
        name="stock", title="Stock", team=Team.objects.get(name="warehouse"), lead=world.heads
    )
    give_team_rights(stock)
    sort = frontline.post(f"cases/{world.case.number}/sort/", {"type": "stock"})
    assert (sort.status_code, sort.json().get("status")) == (200, "working"), sort.json()
    assert frontline.get(f"cases/{world.case.number}/").status_code == 404
    for call, sent, status in (("hand-back", {}, "working"), ("close", {"outcome": "a"}, "done")):
        held = add_case_row(stock, world.now, status="with_person", holder_kind="person", holder_user=world.frontline)
        answer = frontline.post(f"cases/{held.number}/{call}/", sent)
        assert (answer.status_code, answer.json().get("status")) == (200, status), answer.json()


def test_who_loses_sight_of_a_case_while_waiting_is_told_nothing_of_it(
    world: World, reader: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    Case.objects.filter(pk=world.case.pk).update(status="working")

    def sleep(_seconds: float) -> None:
        Case.objects.filter(pk=world.case.pk).update(status="with_person", confidential=True)

    monkeypatch.setattr("orchestrator.api.waiting.time.sleep", sleep)
    answer = reader.get(f"cases/{world.case.number}/", wait=30)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.json()


@pytest.mark.parametrize("call", ["take-over", "close", "reopen", "hand-back", "sort"])
def test_who_only_sees_a_case_may_not_work_on_it(world: World, call: str) -> None:
    from tests.api.program import program

    body = {"sort": {"type": "late_delivery"}, "close": {"outcome": "a"}}.get(call, {})
    answer = program("staff", user=world.auditor).post(f"cases/{world.case.number}/{call}/", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_right")
