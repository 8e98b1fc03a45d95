"""Before deciding: ask, pass on, add an approver, put aside, watch, see who looks. None of it loosens anything."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from approvals import attention, passing
from approvals.models import Approval, Attention, Decision, Named, Question
from approvals.questions import answer, ask
from approvals.selectors import InboxFilter, inbox
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, WrongState
from cases.ledger import verify
from cases.models import Case, Message, Team
from cases.services import Sender
from orchestrator.desk import services as desk
from tests.company import Small, at_once


def user(name: str) -> User:
    return User.objects.get(username=name)


def listed(name: str, tab: str = "waiting") -> list[Approval]:
    found = inbox(user(name), InboxFilter(tab=tab), timezone.now(), timezone.get_current_timezone())
    return [row for _name, rows in found.groups for row in rows]


def to(name: str) -> str:
    return f"user:{user(name).pk}"


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(user(name))
    return client


# ---------------------------------------------------------------------- questions


def test_a_question_keeps_it_pending_and_the_answer_wakes_it(company: Small) -> None:
    case, approval = company.waiting()
    may, fin = company.as_("may"), company.as_("fin")
    assert case not in Case.objects.visible_to(fin.user)
    row = ask(actor=may, approval_id=approval.pk, to=to("fin"), text="Was it paid twice?")
    assert case in Case.objects.visible_to(fin.user) and listed("fin") == []
    attention.snooze(actor=may, approval_id=approval.pk, until=None)
    assert listed("may") == [] and listed("ken") == [approval]
    answer(actor=fin, approval_id=approval.pk, question_id=row.pk, text="No, once.")
    approval.refresh_from_db()
    assert approval.state == "waiting" and approval.answered_at is not None and listed("may") == [approval]
    assert list(Message.objects.filter(case=case, direction="note").values_list("text", flat=True)) == [
        "Was it paid twice?",
        "No, once.",
    ]
    codes = company.codes(case)
    assert codes.count("approval.question") == codes.count("approval.answered") == 1
    assert company.told(case, "approval.answered")["asked_by"] == "May (may)" and verify().first_broken is None
    with pytest.raises(NoRight):
        company.decide(approval, by="fin")  # an answer is no decision
    company.decide(approval)


def test_only_who_may_decide_may_ask_and_only_who_was_asked_answers(company: Small) -> None:
    _case, approval = company.waiting()
    for name, kind in (("ka", NoRight), ("grace", NotFound)):
        with pytest.raises(kind):
            ask(actor=company.as_(name), approval_id=approval.pk, to=to("fin"), text="?")
    for whom, text in (("user:0", "?"), ("", "?"), (to("may"), "?"), (to("fin"), " "), (to("fin"), "x" * 2001)):
        with pytest.raises(Incorrect):
            ask(actor=company.as_("may"), approval_id=approval.pk, to=whom, text=text)
    team = Team.objects.get(name="finance")
    row = ask(actor=company.as_("may"), approval_id=approval.pk, to=f"team:{team.pk}", text="Paid?")
    for name in ("may", "ka", "grace"):
        with pytest.raises(NotFound):
            answer(actor=company.as_(name), approval_id=approval.pk, question_id=row.pk, text="Yes")
    other = company.waiting(order="A101")[1]
    with pytest.raises(NotFound):
        answer(actor=company.as_("fin"), approval_id=other.pk, question_id=row.pk, text="Yes")
    answer(actor=company.as_("fin"), approval_id=approval.pk, question_id=row.pk, text="Yes")
    with pytest.raises(WrongState):
        answer(actor=company.as_("fin"), approval_id=approval.pk, question_id=row.pk, text="No")
    assert Question.objects.get().answer == "Yes"


def test_a_confidential_case_is_shown_to_nobody_new_by_asking(company: Small) -> None:
    case, approval = company.waiting()
    Case.objects.filter(pk=case.pk).update(confidential=True)
    with pytest.raises(Incorrect):
        ask(actor=company.as_("may"), approval_id=approval.pk, to=to("fin"), text="?")
    assert case not in Case.objects.visible_to(user("fin"))
    ask(actor=company.as_("may"), approval_id=approval.pk, to=to("ken"), text="?")


def test_what_goes_to_the_requester_is_judged_and_their_answer_wakes_it(company: Small) -> None:
    case, approval = company.waiting()
    row = desk.ask(actor=company.as_("may"), approval_id=approval.pk, to="requester", text="Which colour?")
    assert row.to_requester and company.shop.effects("/messages") == []  # level 4: asked of people like any other
    waiting = Approval.objects.filter(case=case, state="waiting").exclude(pk=approval.pk).get()
    assert waiting not in listed("may")  # nobody approves their own
    company.decide(waiting, "do", by="ken")
    company.go(case)
    [sent] = company.shop.effects("/messages")
    assert sent["text"] == "Which colour?" and Approval.objects.get(pk=approval.pk).state == "waiting"
    desk.add_message(
        actor=company.as_("ka"), case_id=case.pk, text="Blue.", sender=Sender("Chan", "chan@example.com", "c1")
    )
    row.refresh_from_db()
    approval.refresh_from_db()
    assert row.answer == "Blue." and approval.answered_at is not None and approval.state == "waiting"
    company.decide(approval)
    company.go(case)
    assert len(company.shop.effects("/payments")) == 1


def test_what_may_not_be_sent_is_not_asked(company: Small) -> None:
    company.rule("never", {"forbid": "No questions"}, "shop.send")
    _case, approval = company.waiting()
    with pytest.raises(Exception, match="No questions"):
        desk.ask(actor=company.as_("may"), approval_id=approval.pk, to="requester", text="Which?")
    with pytest.raises(NoRight):
        desk.ask(actor=company.as_("ka"), approval_id=approval.pk, to="requester", text="Which?")
    assert not Question.objects.exists() and company.shop.effects("/messages") == []


def test_two_answers_at_once_are_one(racing: Small) -> None:
    for _round in range(5):
        _case, approval = racing.waiting()
        row = ask(
            actor=racing.as_("may"),
            approval_id=approval.pk,
            to=f"team:{Team.objects.get(name='support').pk}",
            text="Well?",
        )
        results = at_once(
            [
                lambda a=approval, r=row, n=name: answer(
                    actor=racing.as_(n), approval_id=a.pk, question_id=r.pk, text=n
                )
                for name in ("ka", "wing")
            ]
        )
        assert sorted(type(one).__name__ for one in results) == ["Question", "WrongState"], results


# ---------------------------------------------------------------------- pass on, add


def add(company: Small, approval: Approval, name: str, *, by: str = "may") -> Named:
    return passing.add_approver(actor=company.as_(by), approval_id=approval.pk, user_id=user(name).pk, reason="look")


def pass_on(company: Small, approval: Approval, name: str, *, by: str = "may") -> Named:
    return passing.pass_on(actor=company.as_(by), approval_id=approval.pk, user_id=user(name).pk)


def test_who_is_added_must_agree_as_well(company: Small) -> None:
    case, approval = company.waiting()
    assert approval not in Approval.objects.waiting_for(user("grace"))
    add(company, approval, "grace")
    assert listed("grace") == [approval] and company.codes(case).count("approval.approver_added") == 1
    company.decide(approval)
    approval.refresh_from_db()
    assert approval.state == "waiting" and company.shop.done == []
    company.decide(approval, by="grace")
    company.go(case)
    assert len(company.shop.done) == 1


def test_who_is_added_never_stands_for_those_the_rules_ask(company: Small) -> None:
    """A colleague of the asked team who is added is one more, not the one who was asked."""
    _case, approval = company.waiting()
    add(company, approval, "ken")
    company.decide(approval, by="ken")
    assert Approval.objects.get(pk=approval.pk).state == "waiting"
    company.decide(approval, by="may")
    assert Approval.objects.get(pk=approval.pk).state == "decided"
    _other, second = company.waiting(order="A101")
    add(company, second, "grace")
    company.decide(second, by="grace")
    assert Approval.objects.get(pk=second.pk).state == "waiting"


def test_only_people_who_could_be_asked(company: Small) -> None:
    """Not a stranger, not one of a team below or beside, not the opener, not twice, not by who may not decide."""
    case, approval = company.waiting()
    for name in ("ka", "fin", "sam", "may"):
        for what in (add, pass_on):
            with pytest.raises(Incorrect):
                what(company, approval, name)
    Case.objects.filter(pk=case.pk).update(opened_by=user("grace"))
    with pytest.raises(Incorrect):
        add(company, approval, "grace")
    with pytest.raises(NoRight):
        add(company, approval, "ken", by="ka")
    Case.objects.filter(pk=case.pk).update(opened_by=None)
    add(company, approval, "grace")
    with pytest.raises(Incorrect):
        add(company, approval, "grace", by="ken")
    assert Named.objects.count() == 1 and "grace" not in str(Decision.objects.all())


def test_nobody_is_added_when_too_few_would_be_left(company: Small) -> None:
    company.rule("two", {"ask": "managers", "people": 2})
    _case, approval = company.waiting()
    with pytest.raises(WrongState):
        add(company, approval, "ken")
    add(company, approval, "grace")
    assert Named.objects.count() == 1


def test_it_is_passed_on_and_leaves_ones_own_list(company: Small) -> None:
    case, approval = company.waiting()
    pass_on(company, approval, "grace")
    assert listed("may") == [] and listed("may", "snoozed") == [approval] == listed("ken") == listed("grace")
    company.decide(approval, by="grace")
    company.go(case)
    assert len(company.shop.done) == 1 and company.codes(case).count("approval.passed_on") == 1
    assert Decision.objects.get().team == "heads"


def test_passing_on_needs_as_many_people_as_before(company: Small) -> None:
    company.rule("two", {"ask": "managers", "people": 2})
    _case, approval = company.waiting()
    pass_on(company, approval, "grace")
    company.decide(approval, by="grace")
    assert Approval.objects.get(pk=approval.pk).state == "waiting"
    company.decide(approval, by="may")  # who passed it on may still decide
    assert Approval.objects.get(pk=approval.pk).state == "decided"


def test_adding_and_deciding_at_once_leave_one_truth(racing: Small) -> None:
    """Either the addition was first and one decision is not enough, or it is too late and refused."""
    for _round in range(8):
        _case, approval = racing.waiting()
        results = at_once(
            [lambda a=approval: racing.decide(a, by="ken"), lambda a=approval: add(racing, a, "grace", by="may")]
        )
        state = Approval.objects.get(pk=approval.pk).state
        assert isinstance(results[0], Approval), results
        assert (state == "waiting") == isinstance(results[1], Named), results


# ---------------------------------------------------------------------- snooze, watch


def test_what_is_put_aside_comes_back_at_its_time_or_when_something_changes(company: Small) -> None:
    company.rule("two", {"ask": "managers", "people": 2, "within": "2h"})
    _case, approval = company.waiting()
    may = company.as_("may")
    now = database_now()
    assert approval.due_at is not None
    for until in (now - timedelta(minutes=1), approval.due_at, approval.due_at + timedelta(hours=1)):
        with pytest.raises(Incorrect):
            attention.snooze(actor=may, approval_id=approval.pk, until=until)
    attention.snooze(actor=may, approval_id=approval.pk, until=now + timedelta(minutes=30))
    assert listed("may") == [] and listed("may", "snoozed") == [approval]
    assert not Approval.objects.listed_for(may.user) and Approval.objects.waiting_for(may.user).get() == approval
    Attention.objects.update(until=now - timedelta(seconds=1))
    assert listed("may") == [approval]
    attention.snooze(actor=may, approval_id=approval.pk, until=None)
    assert listed("may") == []
    company.decide(approval, by="ken")
    assert listed("may") == [approval]
    attention.snooze(actor=may, approval_id=approval.pk, until=None)
    Approval.objects.update(due_at=now - timedelta(seconds=1))
    assert listed("may") == [approval]  # overdue: nobody sleeps through it
    with pytest.raises(Incorrect):
        attention.snooze(actor=may, approval_id=approval.pk, until=None)


def test_it_can_be_taken_back_and_decided_while_it_sleeps(company: Small) -> None:
    _case, approval = company.waiting()
    may = company.as_("may")
    attention.snooze(actor=may, approval_id=approval.pk, until=None)
    attention.wake(actor=may, approval_id=approval.pk)
    assert listed("may") == [approval]
    attention.snooze(actor=may, approval_id=approval.pk, until=None)
    company.decide(approval)
    for name, kind in (("ka", NoRight), ("fin", NotFound)):
        with pytest.raises(kind):
            attention.snooze(actor=company.as_(name), approval_id=approval.pk, until=None)


def test_watching_is_for_who_sees_it_and_gives_no_right(company: Small) -> None:
    _case, approval = company.waiting()
    attention.watch(actor=company.as_("ka"), approval_id=approval.pk, on=True)
    assert listed("ka", "watching") == [approval] and listed("ka") == [] and listed("may", "watching") == []
    with pytest.raises(NoRight):
        company.decide(approval, by="ka")
    with pytest.raises(NotFound):
        attention.watch(actor=company.as_("fin"), approval_id=approval.pk, on=True)
    company.decide(approval)
    assert listed("ka", "watching")[0].state == "decided"
    attention.watch(actor=company.as_("ka"), approval_id=approval.pk, on=False)
    assert listed("ka", "watching") == []


# ---------------------------------------------------------------------- pages


def test_each_form_works_without_javascript(company: Small) -> None:
    cache.clear()
    _case, approval = company.waiting()
    path = f"/approvals/{approval.pk}/"
    may = client_of("may")
    page = may.get(path + "aside/").content.decode()
    for part in ("ask", "add", "pass", "snooze", "watch"):
        assert f'id="{part}"' in page and f"{path}aside/#" in may.get(path).content.decode()
    assert may.post(path + "ask/", {"to": to("fin"), "text": ""}).status_code == 422
    assert may.post(path + "ask/", {"to": to("fin"), "text": "Paid?"}).status_code == 302
    question = Question.objects.get()
    fin = client_of("fin")
    assert "Questions to you" in fin.get("/approvals/").content.decode()
    aside = fin.get(path + "aside/").content.decode()
    assert "Paid?" in aside and 'id="ask"' not in aside
    assert fin.post(f"{path}answer/{question.pk}/", {"text": " "}).status_code == 422
    assert fin.post(f"{path}answer/{question.pk}/", {"text": "Yes, once"}).status_code == 302
    shown = may.get(path).content.decode()
    assert "Yes, once" in shown and "Answered" in shown
    assert may.post(path + "add-approver/", {"user": "0"}).status_code == 422
    assert may.post(path + "add-approver/", {"user": user("grace").pk}).status_code == 302
    assert "must agree as well" in may.get(path).content.decode()
    assert may.post(path + "snooze/", {"until": "nonsense"}).status_code == 422
    assert may.post(path + "snooze/", {"until": ""}).status_code == 302
    assert str(approval.pk) in may.get("/approvals/?tab=snoozed").content.decode()
    assert "You put this aside." in may.get(path).content.decode()
    assert may.post(path + "wake/").status_code == 302
    assert may.post(path + "watch/", {"on": "1"}).status_code == 302
    assert str(approval.pk) in may.get("/approvals/?tab=watching").content.decode()
    assert may.post(path + "pass-on/", {"user": user("ken").pk}).status_code == 302
    assert listed("may") == []


def test_it_is_put_aside_for_a_year_at_most_so_that_every_page_can_show_it(company: Small) -> None:
    cache.clear()
    _case, approval = company.waiting()
    Approval.objects.update(due_at=None)
    may, path = client_of("may"), f"/approvals/{approval.pk}/"
    for until in ("9999-12-31T23:59-14:00", "9999-12-31T23:59Z", "9999-12-31T23:59", "0001-01-01T00:00+14:00"):
        assert may.post(path + "snooze/", {"until": until}).status_code == 422, until
    assert may.get("/approvals/?tab=snoozed").status_code == 200 and listed("may") == [approval]


def test_who_is_looking_and_what_changed_is_said(company: Small) -> None:
    cache.clear()
    _case, approval = company.waiting()
    path = f"/approvals/{approval.pk}/"
    may, ken = client_of("may"), client_of("ken")
    assert "is looking" not in may.get(path).content.decode()
    assert "May is looking" in ken.get(path).content.decode()
    listing = may.get("/approvals/").content.decode()
    assert "Ken is looking" in listing and "changed since you opened it" not in listing
    passing.add_approver(actor=company.as_("ken"), approval_id=approval.pk, user_id=user("grace").pk)
    assert "changed since you opened it" in may.get("/approvals/").content.decode()
    assert "changed since you opened it" not in client_of("grace").get("/approvals/").content.decode()
    may.get(path)
    assert "changed since you opened it" not in may.get("/approvals/").content.decode()
    before: Any = list(Approval.objects.values())
    ken.get(path)
    assert list(Approval.objects.values()) == before
