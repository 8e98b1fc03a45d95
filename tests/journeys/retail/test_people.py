"""People in the middle of the AI's work: sort, take over, correct, answer, withdraw, leave."""

from django.contrib.auth.models import Group, User

from agents.models import Run, Write
from approvals.models import Approval
from cases.models import Case, Company, Example
from orchestrator.demo.company import cast
from orchestrator.desk import services as desk
from tests.journeys.retail.retailer import Retailer


def waiting_refund(retailer: Retailer) -> tuple[Case, str]:
    """A refund of HK$480.00 that waits for a support manager, and its payment."""
    who = retailer.customer(total=480, promised=-9)
    case = retailer.ask(f"I want my money back for order {who.order}", who.mail)
    retailer.asked(case)
    return Case.objects.get(pk=case.pk), cast.payment_of(who.order)


def test_what_is_of_no_type_waits_in_triage_and_the_answer_is_learned(retailer: Retailer) -> None:
    who = retailer.customer(total=70, promised=3)
    text = f"Which planets have rings? By the way {who.order}"
    case = retailer.comes_to(retailer.ask(text, who.mail), "triage")
    assert case.type is None and len(case.sorting["top"]) == 3
    assert "request.unsorted" in retailer.codes(case)
    retailer.standing("fixed-status-reply-pre-approved")
    answer = retailer.as_person("kayan.ho").post(f"cases/{case.number}/sort/", {"type": "order_status"})
    assert answer.status_code == 200
    case = retailer.comes_to(case, "done")
    learned = Example.objects.get(case_id=case.pk)
    assert (learned.text, learned.type.name) == (text, "order_status")  # type: ignore[union-attr]
    assert retailer.done(case) == ["messages.send"]


def test_a_correction_stops_what_the_wrong_type_began(retailer: Retailer) -> None:
    case, _payment = waiting_refund(retailer)
    answer = retailer.as_person("kayan.ho").post(f"cases/{case.number}/sort/", {"type": "complaint"})
    assert answer.json()["turn"] == case.turn + 1
    case = retailer.comes_to(case, "with_person")
    assert case.holder_team is not None and case.holder_team.name == "support-managers"
    assert set(Approval.objects.filter(case=case).values_list("state", flat=True)) == {"withdrawn"}
    assert set(Write.objects.filter(case=case, proposal__isnull=False).values_list("state", flat=True)) == {"withdrawn"}
    assert Example.objects.get(case_id=case.pk).type.name == "complaint"  # type: ignore[union-attr]


def test_a_person_takes_over_finishes_by_hand_and_hands_back(retailer: Retailer) -> None:
    case, payment = waiting_refund(retailer)
    old = retailer.asked(case)
    me = retailer.as_person("kayan.ho")
    taken = me.post(f"cases/{case.number}/take-over/").json()
    assert (taken["status"], taken["holder"], taken["turn"]) == (
        "with_person", {"kind": "person", "name": "Ho Ka Yan"}, case.turn + 1,
    )  # fmt: skip
    assert Approval.objects.get(pk=old.pk).state == "withdrawn"
    too_late = retailer.as_person("may.lee").post(
        f"approvals/{old.pk}/decision/", {"fingerprint": old.fingerprint, "option": "full"}
    )
    assert (too_late.status_code, too_late.json()["code"]) == (409, "wrong_state")

    calls, turn = f"cases/{case.number}/calls/", taken["turn"]
    refund = {"operation": "payments.refund", "arguments": {"payment_id": payment, "amount": 480}, "turn": turn}
    assert me.post(calls, refund | {"turn": turn - 1}).json()["code"] == "turn_passed"
    assert me.post(calls, refund).json()["status"] == "waiting", "people's calls are judged by the same rules"
    [approval] = Approval.objects.filter(case=case, state="waiting")
    body = {"fingerprint": approval.fingerprint, "option": "do"}
    assert me.post(f"approvals/{approval.pk}/decision/", body).status_code == 403, "nobody approves their own"
    assert retailer.as_person("joe.tam").post(f"approvals/{approval.pk}/decision/", body).status_code == 200
    retailer.until(case, lambda now: ("payments.refund", "written") in retailer.writes(now), "the refund is made")
    assert me.post(calls, refund).json()["status"] == "done", "asking again finds it, and does not do it again"

    result = {"note": "Refunded by hand", "values": {"option": "full"}}
    for step in ("read", "history", "work_out"):
        finished = me.post(f"cases/{case.number}/steps/{step}/finish/", {"turn": turn, "result": result})
        assert finished.status_code == 200, finished.json()
    back = me.post(f"cases/{case.number}/hand-back/", {"may": "continue", "promised": "The money back by Friday"})
    assert (back.status_code, back.json()["turn"]) == (200, turn + 1)
    case = retailer.comes_to(case, "done")
    assert retailer.done(case) == ["payments.refund", "crm.add_note", "tickets.create"]
    assert case.promised == "The money back by Friday"


def test_what_the_ai_does_during_a_take_over_is_late_and_not_used(retailer: Retailer) -> None:
    who = retailer.customer(total=480, promised=-9)
    slow = {"operation": "deliveries.get", "kind": "late_answer", "seconds": 4, "times": 1}
    retailer.company.control("faults", slow)
    case = retailer.ask(f"I want my money back for order {who.order}", who.mail)
    retailer.until(case, lambda now: now.steps.get("read", {}).get("state") == "open", "the AI reads")
    assert retailer.as_person("kayan.ho").post(f"cases/{case.number}/take-over/").status_code == 200
    retailer.until(case, lambda now: "ai.late" in retailer.codes(now), "the AI finishes too late")
    case = Case.objects.get(pk=case.pk)
    assert (case.status, case.steps.get("read", {}).get("state")) == ("with_person", "open")
    assert set(Run.objects.filter(case=case, step="read").values_list("state", flat=True)) == {"late"}
    assert retailer.done(case) == []


def test_a_step_gone_on_with_in_memory_is_told_as_late_too(retailer: Retailer) -> None:
    retailer.standing("fixed-status-reply-pre-approved")
    who = retailer.customer(total=60, promised=3)
    retailer.company.control("faults", {"operation": "crm.get", "kind": "late_answer", "seconds": 4, "times": 2})
    case = retailer.ask(f"Where is my order {who.order}?", who.mail)
    retailer.until(case, lambda now: retailer.reads("crm.get", who.id) == 2, "the agent reads, after the control layer")
    assert retailer.as_person("kayan.ho").post(f"cases/{case.number}/take-over/").status_code == 200
    retailer.until(case, lambda now: "ai.late" in retailer.codes(now), "the AI finishes too late")
    assert retailer.done(case) == []
    # What the AI had sorted it as was never stored: the person says what it is, and the AI goes on.
    sorted_ = retailer.as_person("kayan.ho").post(f"cases/{case.number}/sort/", {"type": "order_status"})
    assert sorted_.status_code == 200
    case = retailer.comes_to(case, "done")
    assert retailer.done(case) == ["messages.send"]


def test_a_new_message_opens_a_closed_case_again(retailer: Retailer) -> None:
    retailer.standing("fixed-status-reply-pre-approved")
    who = retailer.customer(total=65, promised=2)
    case = retailer.comes_to(retailer.ask(f"Where is my order {who.order}?", who.mail), "done")
    answer = retailer.shop.post(f"cases/{case.number}/messages/", {"text": "That is not my order at all!"})
    assert answer.status_code == 201
    case = retailer.settled(case)
    assert (case.status, case.holder_kind) == ("with_person", "team")
    assert case.holder_team is not None and case.holder_team.name == "support"
    assert "case.reopened" in retailer.codes(case) and case.closed_at is None
    assert retailer.done(case) == ["messages.send"], "a person looks before anything more is sent"


def test_a_requester_withdraws_and_nothing_more_is_started(retailer: Retailer) -> None:
    case, _payment = waiting_refund(retailer)
    answer = retailer.shop.post(f"cases/{case.number}/close/", {"outcome": "I have found it"})
    assert answer.status_code == 200
    case = retailer.comes_to(case, "done")
    assert case.outcome == "withdrawn"
    assert set(Approval.objects.filter(case=case).values_list("state", flat=True)) == {"withdrawn"}
    assert retailer.done(case) == []


def test_a_leavers_cases_go_to_the_team(retailer: Retailer) -> None:
    leaver = User.objects.create_user("lena", "lena@harbour.example.com", first_name="Lena", last_name="Au")
    leaver.groups.add(Group.objects.get(name="support"))
    case, _payment = waiting_refund(retailer)
    assert retailer.as_person("lena").post(f"cases/{case.number}/take-over/").status_code == 200
    leaver.is_active = False
    leaver.save()
    assert desk.release_leavers() == 1
    case = Case.objects.select_related("holder_team").get(pk=case.pk)
    assert (case.holder_kind, case.holder_user, case.status) == ("team", None, "with_person")
    assert case.holder_team is not None and case.holder_team.name == "support"
    assert retailer.as_person("lena").get(f"cases/{case.number}/").status_code == 401
    assert retailer.as_person("kayan.ho").post(f"cases/{case.number}/take-over/").status_code == 200


def test_a_decision_is_held_and_can_be_undone_until_then(retailer: Retailer) -> None:
    case, _payment = waiting_refund(retailer)
    Company.objects.update(hold_seconds=20)
    try:
        retailer.decided(case, "joe.tam", "full")
        case = retailer.comes_to(case, "waiting_write")
        approval = Approval.objects.get(case=case)
        assert approval.hold_until is not None and retailer.done(case) == []
        not_mine = retailer.as_person("may.lee").post(f"approvals/{approval.pk}/undo/")
        assert not_mine.status_code == 403
        undone = retailer.as_person("joe.tam").post(f"approvals/{approval.pk}/undo/")
        assert undone.status_code == 200, undone.json()
        assert undone.json()["state"] == "waiting"
        Company.objects.update(hold_seconds=3)
        retailer.decided(case, "joe.tam", "full")
    finally:
        Company.objects.update(hold_seconds=0)
    case = retailer.comes_to(case, "done")
    assert retailer.done(case)[:2] == ["payments.refund", "messages.send"]
    codes = retailer.codes(case)
    assert (codes.count("approval.decided"), codes.count("approval.undone")) == (2, 1)
    refund = Write.objects.get(case=case, operation__name="payments.refund", state="written")
    assert refund.reserved_at is not None and refund.hold_until is not None
    assert refund.reserved_at >= refund.hold_until


def test_time_out_passes_up_and_never_approves(retailer: Retailer) -> None:
    case, _payment = waiting_refund(retailer)
    approval = retailer.asked(case)
    assert approval.due_at is not None
    Approval.objects.filter(pk=approval.pk).update(due_at=approval.created_at)
    Case.objects.filter(pk=case.pk).update(wake_at=approval.created_at)
    retailer.until(case, lambda now: "approval.passed_up" in retailer.codes(now), "it is passed up")
    assert retailer.teams_asked(case) == {"support-managers", "heads"}
    assert Approval.objects.get(pk=approval.pk).state == "waiting" and retailer.done(case) == []
    retailer.decided(case, "ken.ho", "full")
    retailer.comes_to(case, "done")
