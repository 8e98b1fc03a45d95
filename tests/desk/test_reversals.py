"""A reversal is a case of its own, by the receipt that was stored before the write, under the same rules."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from agents.models import Write
from approvals.errors import StepUpNeeded
from approvals.models import Approval
from approvals.step_up import Proof
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import verify
from cases.models import Case, RequestType, Team
from orchestrator.desk.reversals import start_reversal
from orchestrator.desk.services import close, hand_back, reopen, take_over, withdraw
from tests.company import Small, at_once, small


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


@pytest.fixture
def racing(transactional_db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def written(company: Small) -> tuple[Case, Write]:
    case, approval = company.waiting()
    company.decide(approval)
    company.go(case)
    write = company.write(case)
    assert write.state == "written"
    return case, write


def test_it_asks_for_what_the_receipt_says_in_a_case_of_its_own(company: Small) -> None:
    case, write = written(company)
    receipt = dict(write.receipt)
    assert receipt["operation"] == "shop.cancel" and receipt["arguments"] == {"id": write.result["id"]}
    started = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="Paid by mistake")
    assert started.status == "waiting" and started.case.pk != case.pk
    assert started.case.holder_user == User.objects.get(username="may") and company.shop.effects("/cancel") == []
    approval = Approval.objects.get(case=started.case)
    assert approval not in Approval.objects.waiting_for(User.objects.get(username="may"))  # not one's own
    with pytest.raises(NoRight):
        company.decide(approval, "do", by="may")
    company.decide(approval, "do", by="ken")
    company.go(started.case)
    [done] = company.shop.effects("/cancel")
    assert done["path"] == f"/cancel/{write.result['id']}" and len(company.shop.effects("/payments")) == 1
    assert company.told(case, "case.reversal")["case"] == started.case.number and verify().first_broken is None
    again = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="once more")
    assert again.case.pk == started.case.pk and len(company.shop.effects("/cancel")) == 1


def test_the_rules_judge_it_like_any_other_write(company: Small) -> None:
    company.rule("never", {"forbid": "No cancelling"}, "shop.cancel")
    _case, write = written(company)
    started = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="x")
    assert started.status == "refused" and "No cancelling" in started.refused
    assert company.shop.effects("/cancel") == [] and started.case.status == "with_person"


def test_the_customer_is_no_better_known_than_before(company: Small) -> None:
    case, write = written(company)
    Case.objects.filter(pk=case.pk).update(customer_from="contact", form_binds=False)
    started = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="x")
    now = Case.objects.get(pk=started.case.pk)
    assert (now.customer, now.customer_from, now.form_binds) == ("c1", "contact", False)


def test_what_is_not_there_to_reverse_is_refused(company: Small) -> None:
    case, approval = company.waiting()
    may = company.as_("may")
    with pytest.raises(WrongState):
        start_reversal(actor=may, write_id=company.write(case).pk, reason="x")
    company.decide(approval)
    company.go(case)
    write = company.write(case)
    with pytest.raises(ReasonRequired):
        start_reversal(actor=may, write_id=write.pk, reason=" ")
    with pytest.raises(NotFound):
        start_reversal(actor=company.as_("fin"), write_id=write.pk, reason="x")
    before = Case.objects.count()
    late = (database_now() - timedelta(minutes=31)).isoformat()
    for receipt in ({}, {**write.receipt, "complete": False}, {**write.receipt, "from": late}):
        Write.objects.filter(pk=write.pk).update(receipt=receipt)
        with pytest.raises(WrongState):
            start_reversal(actor=may, write_id=write.pk, reason="x")
    assert Case.objects.count() == before


def test_two_at_once_make_one_case(racing: Small) -> None:
    case, write = written(racing)
    results = at_once(
        [lambda: start_reversal(actor=racing.as_("may"), write_id=write.pk, reason="x") for _n in range(3)]
    )
    assert Case.objects.filter(external_id=f"reversal:{write.pk}").count() == 1, results
    assert Approval.objects.exclude(case=case).filter(state="waiting").count() == 1


def test_a_type_that_was_retired_since_is_reversed_all_the_same(company: Small) -> None:
    case, write = written(company)
    RequestType.objects.filter(pk=case.type_id).update(retired=True)
    started = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="Paid by mistake")
    assert started.status == "waiting" and started.case.type_id == case.type_id
    assert company.told(started.case, "request.received")["type"] == "refund"
    company.decide(Approval.objects.get(case=started.case), "do", by="ken")
    company.go(started.case)
    assert len(company.shop.effects("/cancel")) == 1
    with pytest.raises(Incorrect):  # nobody else begins a case of it
        company.receive()


@pytest.mark.parametrize("again", ["ka", "wing"])
@pytest.mark.parametrize("end", ["closed", "withdrawn", "opened_again"])
def test_a_case_that_ended_without_reversing_is_opened_again(company: Small, end: str, again: str) -> None:
    case, write = written(company)
    ka = company.as_("ka")
    first = start_reversal(actor=ka, write_id=write.pk, reason="Paid by mistake")
    if end == "withdrawn":
        withdraw(actor=ka, case_id=first.case.pk)
    else:
        close(actor=ka, case_id=first.case.pk, outcome="not needed")
    if end == "opened_again":  # its team has it now, and no person
        reopen(actor=ka, case_id=first.case.pk)
    started = start_reversal(actor=company.as_(again), write_id=write.pk, reason="Needed after all")
    assert started.case.pk == first.case.pk and (started.status, started.refused) == ("waiting", "")
    now = Case.objects.get(pk=first.case.pk)
    assert (now.is_open, now.outcome, now.closed_at) == (True, "", None)
    assert now.holder_user == User.objects.get(username=again) and now.turn == started.case.turn
    assert company.codes(case).count("case.reversal") == 2 and verify().first_broken is None
    assert company.told(case, "case.reversal")["reason"] == "Needed after all"
    approval = Approval.objects.get(case=now, state="waiting")
    company.decide(approval, "do", by="may")
    company.go(now)
    assert len(company.shop.effects("/cancel")) == 1


def test_a_colleague_who_has_it_is_not_taken_from_and_the_refusal_says_which_case(company: Small) -> None:
    _case, write = written(company)
    first = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="x")
    with pytest.raises(WrongState, match=first.case.number):
        start_reversal(actor=company.as_("ken"), write_id=write.pk, reason="x")
    now = Case.objects.get(pk=first.case.pk)
    assert now.holder_user == User.objects.get(username="may") and now.turn == first.case.turn
    assert Approval.objects.filter(case=now, state="waiting").count() == 1


@pytest.mark.parametrize("end", ["closed", "with_a_colleague", "taken_back"])
def test_what_was_reversed_already_is_not_reversed_again(company: Small, end: str) -> None:
    _case, write = written(company)
    may = company.as_("may")
    first = start_reversal(actor=may, write_id=write.pk, reason="x")
    company.decide(Approval.objects.get(case=first.case), "do", by="ken")
    company.go(first.case)
    if end == "closed":
        close(actor=may, case_id=first.case.pk, outcome="reversed")
    if end == "taken_back":
        hand_back(actor=may, case_id=first.case.pk, may="watch")
        take_over(actor=may, case_id=first.case.pk)
    before = Case.objects.get(pk=first.case.pk)
    with pytest.raises(WrongState, match=first.case.number):
        start_reversal(actor=company.as_("ken") if end == "with_a_colleague" else may, write_id=write.pk, reason="x")
    now = Case.objects.get(pk=first.case.pk)
    assert (now.status, now.turn, now.seq) == (before.status, before.turn, before.seq)
    assert len(company.shop.effects("/cancel")) == 1 and not Approval.objects.filter(case=now, state="waiting")


def test_two_people_at_once_open_an_ended_case_again_for_one_of_them(racing: Small) -> None:
    _case, write = written(racing)
    may, ken = racing.as_("may"), racing.as_("ken")
    first = start_reversal(actor=may, write_id=write.pk, reason="x")
    close(actor=may, case_id=first.case.pk, outcome="not needed")
    results = at_once(
        [lambda actor=actor: start_reversal(actor=actor, write_id=write.pk, reason="x") for actor in (may, ken)]
    )
    [refused] = [one for one in results if isinstance(one, Exception)]
    assert isinstance(refused, WrongState) and first.case.number in str(refused)
    assert Case.objects.filter(external_id=f"reversal:{write.pk}").count() == 1
    assert Approval.objects.filter(case=first.case, state="waiting").count() == 1
    assert racing.codes(first.case).count("case.reopened") == 1


def test_the_page_offers_it_after_the_hold(company: Small) -> None:
    cache.clear()
    case, write = written(company)
    client = Client()
    client.force_login(User.objects.get(username="may"))
    approval = Approval.objects.get(case=case)
    assert f"/writes/{write.pk}/reverse/" in client.get(f"/approvals/{approval.pk}/").content.decode()
    answer = client.post(f"/writes/{write.pk}/reverse/", {"reason": "Paid by mistake"})
    new = Case.objects.get(external_id=f"reversal:{write.pk}")
    assert answer.status_code == 302 and answer["Location"] == f"/cases/{new.number}/by-hand/"


def test_a_reversal_needs_the_second_factor_of_its_own_approval(company: Small) -> None:
    """Starting one asks for none: it only asks people. Who then decides the new write gives theirs, as for any other."""
    _case, write = written(company)
    Team.objects.filter(name="managers").update(step_up=True)
    Team.objects.get(name="managers").save()  # the policy has changed
    started = start_reversal(actor=company.as_("may"), write_id=write.pk, reason="Paid by mistake")
    approval = Approval.objects.get(case=started.case)
    assert started.status == "waiting" and company.shop.effects("/cancel") == []
    with pytest.raises(StepUpNeeded):
        company.decide(approval, "do", by="ken")
    company.decide(approval, "do", by="ken", proof=Proof("totp", database_now()))
    company.go(started.case)
    assert len(company.shop.effects("/cancel")) == 1
