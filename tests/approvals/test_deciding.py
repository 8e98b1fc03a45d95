"""One decision, by somebody who was asked, on what they saw; bound to its fingerprint, taken back while it is held."""

from datetime import timedelta
from typing import Any

import pytest

from agents.models import Proposal, Write
from approvals.errors import AlreadyDecided, Changed, HigherNeeded, NotAllowed
from approvals.models import Approval, Decision
from approvals.services import decide, undo
from cases.actors import Actor, person
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import verify
from cases.models import Case, Company, Event, Person, Team
from orchestrator.desk.services import take_over
from orchestrator.flow.calls import call
from tests.company import Small, at_once
from tests.guarantees import Size, guarantee


def hold(seconds: int = 30) -> None:
    row = Company.objects.get()
    row.hold_seconds = seconds
    row.save()


# ---------------------------------------------------------------------- races


@guarantee("A01", ci=50, release=1_000)
def test_two_people_at_once_make_one_decision(racing: Small, size: Size) -> None:
    """One decision stored, one write-back; the other is told who decided. Red without the locks."""
    for _round in size.each():
        case, approval = racing.waiting()
        results = at_once(
            [lambda a=approval: racing.decide(a, by="may"), lambda a=approval: racing.decide(a, by="ken")]
        )
        won = [r for r in results if isinstance(r, Approval)]
        [lost] = [r for r in results if not isinstance(r, Approval)]
        assert len(won) == 1 and isinstance(lost, AlreadyDecided), results
        decision = Decision.objects.get(approval=approval)
        assert lost.detail["decided_by"] == decision.label
        racing.go(case)
        assert racing.write(case).state == "written"
    assert len(racing.shop.effects("/payments")) == size.tried == racing.shop.sent("/payments")
    assert verify().first_broken is None


@guarantee("A02", ci=50, release=1_000)
def test_approve_and_reject_at_once_leave_one_winner(racing: Small, size: Size) -> None:
    """Something is written only if approve won."""
    approved = 0
    for _round in size.each():
        case, approval = racing.waiting()
        results = at_once(
            [lambda a=approval: racing.decide(a, by="may"), lambda a=approval: racing.decide(a, "reject", by="ken")]
        )
        assert sum(isinstance(r, Approval) for r in results) == 1, results
        racing.go(case)
        option = Decision.objects.get(approval=approval).option
        state = Proposal.objects.get(case=case).state
        assert (option, state) in {("full", "written"), ("reject", "rejected")}
        approved += option == "full"
    assert len(racing.shop.effects("/payments")) == approved


def test_the_same_form_twice_at_once_decides_once(racing: Small) -> None:
    for _round in range(5):
        _case, approval = racing.waiting()
        nonce = f"form-{approval.pk}"
        results = at_once([lambda a=approval, n=nonce: racing.decide(a, nonce=n) for _n in range(3)])
        assert all(isinstance(r, Approval | AlreadyDecided) for r in results), results
        assert sum(isinstance(r, Approval) for r in results) >= 1
        assert Decision.objects.filter(approval=approval).count() == 1


def test_undo_and_the_end_of_the_hold_at_once_leave_one_truth(racing: Small) -> None:
    """Either it was taken back and nothing is sent, or it is sent and cannot be taken back."""
    hold()
    for _round in range(6):
        case, approval = racing.waiting()
        racing.decide(approval)
        Write.objects.filter(case=case, state="held").update(hold_until=database_now())
        Case.objects.filter(pk=case.pk).update(wake_at=database_now())
        sent = len(racing.shop.done)
        results = at_once(
            [lambda a=approval: undo(actor=racing.as_("may"), approval_id=a.pk), lambda c=case: racing.go(c)]
        )
        undone = isinstance(results[0], Approval)
        assert undone or isinstance(results[0], WrongState), results
        assert len(racing.shop.done) - sent == (0 if undone else 1)
        assert Write.objects.get(case=case, option="full").state == ("waiting" if undone else "written")


# ---------------------------------------------------------------------- what was seen


def test_a_stale_fingerprint_decides_nothing(company: Small) -> None:
    """Without the comparison somebody approves what they never saw."""
    case, approval = company.waiting()
    for fingerprint in ("", "0" * 64, approval.fingerprint[:-1], approval.fingerprint.upper() + " "):
        with pytest.raises(Changed) as changed:
            company.decide(approval, fingerprint=fingerprint)
        assert changed.value.detail["now_is"] == approval.fingerprint
    assert not Decision.objects.exists() and company.write(case).state == "waiting"


def test_a_proposal_that_moved_on_under_its_approval_decides_nothing(company: Small) -> None:
    _case, approval = company.waiting()
    Proposal.objects.filter(pk=approval.proposal_id).update(fingerprint="1" * 64)
    with pytest.raises(Changed):
        company.decide(approval)


def test_a_nonce_counts_for_its_own_form_only(company: Small) -> None:
    _case, first = company.waiting()
    _other, second = company.waiting(order="A101")
    company.decide(first, nonce="n1")
    assert company.decide(first, nonce="n1").state == "decided"
    with pytest.raises(AlreadyDecided):
        company.decide(first, nonce="n2")
    with pytest.raises(Incorrect):
        company.decide(second, nonce="n1")
    assert Decision.objects.count() == 1 and Approval.objects.get(pk=second.pk).state == "waiting"


# ---------------------------------------------------------------------- who


def refused(company: Small, approval: Approval, by: Actor, kind: type[Exception] = NoRight, **more: Any) -> Any:
    before = Decision.objects.count()
    with pytest.raises(kind) as refusal:
        decide(**{"actor": by, "approval_id": approval.pk, "fingerprint": approval.fingerprint, "option": "full",
                  "reason": "x"} | more)  # fmt: skip
    assert Decision.objects.count() == before and company.shop.done == []
    return refusal.value


@guarantee("A07", ci=1)
def test_other_teams_are_refused_and_it_is_told(company: Small) -> None:
    """The attempt is in the ledger, also where the case is not even seen."""
    case, approval = company.waiting()
    for name, kind in (("ka", NoRight), ("grace", NotFound), ("fin", NotFound), ("sam", NotFound)):
        told = company.codes(case).count("approval.refused")
        refused(company, approval, company.as_(name), kind)
        assert company.codes(case).count("approval.refused") == told + 1, name
    assert company.told(case, "approval.refused")["_actor"]["user_id"] == company.as_("sam").user_id


@guarantee("A07", ci=1, release=9)
def test_somebody_removed_from_the_team_is_refused_at_once(company: Small, size: Size) -> None:
    """With the page open and its fingerprint in hand."""
    for _n in size.each():
        _case, approval = company.waiting()
        may, ken = company.as_("may"), company.as_("ken")
        groups = list(may.user.groups.all())
        may.user.groups.clear()
        refused(company, approval, may, NotFound)
        ken.user.is_active = False
        ken.user.save()
        refused(company, approval, ken, NotFound)
        may.user.groups.set(groups)
        ken.user.is_active = True
        ken.user.save()


def test_agents_programs_and_the_control_layer_cannot_decide(company: Small) -> None:
    _case, approval = company.waiting()
    for actor in (company.courier(), Actor("control", "control layer"), Actor("requester", "token x", token_id=1)):
        refused(company, approval, actor, NotFound)


def by_hand(company: Small, name: str) -> tuple[Case, Approval]:
    """`name` works the case by hand and wants a refund; it waits for the managers."""
    case = company.go(company.receive("refund"))
    case = take_over(actor=company.as_(name), case_id=case.pk)
    arguments = {"payment_id": "p1", "amount": 5}
    answer = call(
        actor=company.as_(name), case_id=case.pk, operation="shop.refund", arguments=arguments, turn=case.turn
    )
    return case, Approval.objects.get(pk=answer.approvals[0])


@guarantee("A06", ci=1)
def test_nobody_approves_what_they_proposed(company: Small) -> None:
    """In the browser, through a token, through a second team. Without `_is_own` each of these passes."""
    case, approval = by_hand(company, "may")
    may = company.as_("may")
    refused(company, approval, may, option="do")
    token = person(may.user, token_id=5, token_name="phone")
    refused(company, approval, token, option="do")
    may.user.groups.add(Team.objects.get(name="heads").group)
    refused(company, approval, may, option="do")
    refused(company, approval, may, option="reject")
    assert company.codes(case).count("approval.refused") == 4
    company.decide(approval, "do", by="ken")


@guarantee("A06", ci=1)
def test_nobody_approves_a_request_they_handed_in(company: Small) -> None:
    case = company.go(company.receive("refund", actor=company.as_("may"), form={"order_number": "A100"}))
    approval = Approval.objects.get(case=case)
    refused(company, approval, company.as_("may"))
    company.decide(approval, by="ken")


def test_a_high_risk_decision_is_not_made_with_a_token(company: Small) -> None:
    company.change("shop.refund", high_above=50)
    _case, approval = company.waiting()
    assert approval.risk == "high"
    token = person(company.as_("may").user, token_id=5, token_name="phone")
    refused(company, approval, token)
    company.decide(approval)
    _other, low = company.waiting("vouchers")
    decide(actor=token, approval_id=low.pk, fingerprint=low.fingerprint, option="voucher", reason="x")
    assert Decision.objects.get(approval=low).token_name == "phone"


def test_the_name_of_who_decided_stays_when_the_account_goes(company: Small) -> None:
    _case, approval = company.waiting()
    company.decide(approval)
    company.as_("may").user.delete()
    decision = Decision.objects.get(approval=approval)
    assert (decision.user_id, decision.label) == (None, "May (may)")


# ---------------------------------------------------------------------- what


def test_only_what_was_offered_and_is_allowed_can_be_chosen(company: Small) -> None:
    company.rule("never", {"forbid": "Too much"}, all=[{"argument": "amount", "is": "more than", "value": 90}])
    _case, approval = company.waiting()
    may = company.as_("may")
    words = refused(company, approval, may, NotAllowed, option="full")
    assert words.detail["rules"] == ["never"] and "Too much" in words.message
    for option in ("other", "", "Full", "reject "):
        refused(company, approval, may, Incorrect, option=option)
    company.decide(approval, "half")


def test_a_reason_is_required_to_reject_to_edit_and_to_differ(company: Small) -> None:
    _case, approval = company.waiting()
    may = company.as_("may")
    for more in ({"option": "reject"}, {"option": "half"}, {"edits": {"shop.refund": {"amount": 60}}}):
        for reason in ("", "  \n"):
            refused(company, approval, may, ReasonRequired, **more | {"reason": reason})
    assert company.decide(approval, reason="").state == "decided"


BAD_EDITS: list[Any] = [
    {"shop.refund": {"payment_id": "p2"}},
    {"shop.refund": {"pin": "1"}},
    {"shop.refund": {"amount": -5}},
    {"shop.refund": {"amount": 0}},
    {"shop.refund": {"amount": "60"}},
    {"shop.refund": {"amount": None}},
    {"shop.refund": {"new": 1}},
    {"shop.refund#2": {"amount": 60}},
    {"other": {"amount": 60}},
]


@pytest.mark.parametrize("edits", BAD_EDITS, ids=range(len(BAD_EDITS)))
def test_only_editable_arguments_within_the_schema_can_be_changed(company: Small, edits: Any) -> None:
    case, approval = company.waiting()
    refused(company, approval, company.as_("may"), Incorrect, edits=edits)
    assert company.write(case).decided is None


def test_an_edit_keeps_its_type_and_is_told_with_what_stood_before(company: Small) -> None:
    case, approval = company.waiting()
    company.decide(approval, edits={"shop.refund": {"amount": 60, "reason": "half of it"}})
    assert company.write(case).decided == {"payment_id": "p1", "amount": 60, "reason": "half of it"}
    told = company.told(case, "approval.decided")
    assert told["edits"] == {"shop.refund": {"amount": 60, "reason": "half of it"}}
    assert told["before"] == {"shop.refund": {"amount": 100, "reason": None}}
    assert company.proposal(case).fingerprint != approval.fingerprint


def test_an_edit_that_needs_somebody_higher_decides_nothing(company: Small) -> None:
    """An edited payload is a new payload: without judging it again a manager could raise it over their limit."""
    company.rule("big", {"ask": "heads"}, all=[{"argument": "amount", "is": "more than", "value": 200}])
    _case, approval = company.waiting()
    higher = refused(company, approval, company.as_("may"), HigherNeeded, edits={"shop.refund": {"amount": 201}})
    assert higher.detail["asked"] == ["heads"]
    company.rule("never", {"forbid": "Never so much"}, all=[{"argument": "amount", "is": "more than", "value": 300}])
    refused(company, approval, company.as_("may"), NotAllowed, edits={"shop.refund": {"amount": 301}})
    company.decide(approval, edits={"shop.refund": {"amount": 199}})


def test_an_edit_that_needs_more_people_waits_for_them(company: Small) -> None:
    """The same team, but two of it: the permit is not used before the second one agreed."""
    company.rule("two", {"ask": "managers", "people": 2}, all=[{"argument": "amount", "is": "more than", "value": 200}])
    case, approval = company.waiting()
    try:
        company.decide(approval, edits={"shop.refund": {"amount": 250}})
        company.go(case)
    except HigherNeeded:
        pass
    assert company.shop.done == []


# ---------------------------------------------------------------------- several people


def two_of_managers(company: Small) -> tuple[Case, Approval]:
    company.rule("two", {"ask": "managers", "people": 2})
    return company.waiting()


def test_two_people_are_needed_and_the_first_fixes_option_and_edits(company: Small) -> None:
    case, approval = two_of_managers(company)
    company.decide(approval, edits={"shop.refund": {"amount": 60}})
    company.go(case)
    approval.refresh_from_db()
    assert approval.state == "waiting" and company.write(case).state == "waiting" and company.shop.done == []
    with pytest.raises(NoRight):
        company.decide(approval)  # the same person again
    with pytest.raises(Incorrect):
        company.decide(approval, "half", by="ken")
    with pytest.raises(Incorrect):
        company.decide(approval, by="ken", edits={"shop.refund": {"amount": 70}})
    approval.refresh_from_db()
    company.decide(approval, by="ken")
    company.go(case)
    assert company.shop.effects("/payments")[0]["amount"] == 60


def test_one_reject_ends_it(company: Small) -> None:
    case, approval = two_of_managers(company)
    company.decide(approval)
    company.decide(approval, "reject", by="ken")
    company.go(case)
    assert company.proposal(case).state == "rejected" and company.shop.done == []


def test_two_people_at_once_both_count(racing: Small) -> None:
    """Without the lock both would see themselves as the first, and nobody would give the permit."""
    racing.rule("two", {"ask": "managers", "people": 2})
    for _round in range(5):
        case, approval = racing.waiting()
        results = at_once([lambda a=approval, n=name: racing.decide(a, by=n) for name in ("may", "ken")])
        assert all(isinstance(r, Approval) for r in results), results
        racing.go(case)
        assert racing.write(case).state == "written"
    assert len(racing.shop.effects("/payments")) == 5


def test_stages_come_one_after_the_other(company: Small) -> None:
    company.rule("stages", {"stages": [{"ask": "managers"}, {"ask": "heads"}], "order": "one_after_the_other"})
    case, approval = company.waiting()
    with pytest.raises(NoRight):
        company.decide(approval, by="grace")
    company.decide(approval)
    company.go(case)
    assert company.shop.done == [] and Approval.objects.get(pk=approval.pk).state == "waiting"
    company.decide(approval, by="grace")
    company.go(case)
    assert company.write(case).state == "written"


def test_an_exclusive_approval_takes_one_answer_of_a_person(company: Small) -> None:
    stages = {"stages": [{"ask": "managers"}, {"ask": "heads"}], "order": "one_after_the_other", "exclusive": True}
    company.rule("stages", stages)
    _case, approval = company.waiting()
    may = company.as_("may")
    may.user.groups.add(Team.objects.get(name="heads").group)
    company.decide(approval)
    refused(company, approval, may)


# ---------------------------------------------------------------------- undo


def test_a_decision_is_taken_back_while_it_is_held(company: Small) -> None:
    hold()
    case, approval = company.waiting()
    company.decide(approval)
    with pytest.raises(NoRight):
        undo(actor=company.as_("ken"), approval_id=approval.pk)
    undo(actor=company.as_("may"), approval_id=approval.pk)
    company.later(case, 100)
    approval.refresh_from_db()
    write = company.write(case)
    assert (approval.state, write.state, write.decided, write.placed_at) == ("waiting", "waiting", None, None)
    assert write.permit_fingerprint == "" and company.shop.done == []
    assert company.codes(case)[-2:] == ["approval.undone", "permit.taken_back"]
    company.decide(approval, "half")
    company.later(case, 100)
    assert company.shop.effects("/payments")[0]["amount"] == 50


def test_an_amount_that_was_changed_is_taken_back_with_its_decision(company: Small) -> None:
    """Decided again as proposed, it takes the place of what is proposed in sums and caps, and is shown so."""
    hold()
    case, approval = company.waiting()
    company.decide(approval, edits={"shop.refund": {"amount": 60}})
    assert company.write(case).money == 60
    undo(actor=company.as_("may"), approval_id=approval.pk)
    assert company.write(case).money == company.write(case).proposed["amount"] == 100
    company.decide(approval)
    assert company.write(case).money == 100


def test_a_second_undo_is_told_who_undid_it_and_when(company: Small) -> None:
    hold()
    company.rule("two", {"ask": "managers", "people": 2})
    case, approval = company.waiting()
    for name in ("may", "ken"):
        company.decide(approval, by=name)
    undo(actor=company.as_("ken"), approval_id=approval.pk)
    for name in ("may", "ken"):
        with pytest.raises(WrongState) as told:
            undo(actor=company.as_(name), approval_id=approval.pk)
        assert told.value.http_status == 409 and told.value.message.startswith("Ken took this decision back already")
        assert told.value.detail["undone_by"] == company.as_("ken").label and told.value.detail["undone_at"]
    company.as_("sam").user.groups.add(Team.objects.get(name="managers").group)
    with pytest.raises(NoRight):  # who never decided has nothing to take back
        undo(actor=company.as_("sam"), approval_id=approval.pk)
    assert company.codes(case).count("approval.undone") == 1
    company.decide(approval)
    with pytest.raises(WrongState):  # Ken's own decision is still the one that was taken back
        undo(actor=company.as_("ken"), approval_id=approval.pk)


def test_a_form_that_was_taken_back_is_not_recorded_again(company: Small) -> None:
    """Back in the browser and sent again: who sends it is told that it stands no more, never that it was recorded."""
    hold()
    company.rule("two", {"ask": "managers", "people": 2})
    _case, approval = company.waiting()
    for name in ("may", "ken"):
        company.decide(approval, by=name, nonce=f"of {name}")
    assert company.decide(approval, by="ken", nonce="of ken").state == "decided"  # sent twice: the first answer
    undo(actor=company.as_("may"), approval_id=approval.pk)
    for name in ("may", "ken"):
        with pytest.raises(WrongState) as told:
            company.decide(approval, by=name, nonce=f"of {name}")
        assert told.value.message.startswith("May took this decision back") and "Open" in told.value.message
    assert not approval.decisions.filter(undone_at=None).exists()
    company.decide(approval, "half", nonce="new")


def test_two_undo_at_once_and_the_second_is_told(racing: Small) -> None:
    hold()
    case, approval = racing.waiting()
    racing.decide(approval)
    tries = [lambda: undo(actor=racing.as_("may"), approval_id=approval.pk) for _window in range(2)]
    results = at_once(tries)
    assert sum(isinstance(one, Approval) for one in results) == 1
    [late] = [one for one in results if not isinstance(one, Approval)]
    assert isinstance(late, WrongState) and "took this decision back already" in late.message
    assert racing.codes(case).count("approval.undone") == 1


def test_undoing_gives_the_old_deadline_and_at_least_fifteen_minutes(company: Small) -> None:
    hold()
    company.rule("slow", {"ask": "managers", "within": "2h"})
    _case, approval = company.waiting()
    old = approval.due_at
    company.decide(approval)
    assert undo(actor=company.as_("may"), approval_id=approval.pk).due_at == old
    Approval.objects.filter(pk=approval.pk).update(due_at=database_now() + timedelta(minutes=1))
    company.decide(approval)
    due = undo(actor=company.as_("may"), approval_id=approval.pk).due_at
    assert due is not None and timedelta(minutes=14) < due - database_now() <= timedelta(minutes=15)


def test_it_is_too_late_once_the_hold_is_over_or_there_was_none(company: Small) -> None:
    hold()
    case, approval = company.waiting()
    company.decide(approval)
    company.later(case, 31)
    with pytest.raises(WrongState):
        undo(actor=company.as_("may"), approval_id=approval.pk)
    hold(0)
    _other, second = company.waiting(order="A101")
    company.decide(second)
    with pytest.raises(WrongState):
        undo(actor=company.as_("may"), approval_id=second.pk)


def test_a_person_may_lengthen_their_own_hold_and_never_shorten_it(company: Small) -> None:
    hold(30)
    Person.objects.update_or_create(user=company.as_("may").user, defaults={"hold_seconds": 120})
    Person.objects.update_or_create(user=company.as_("ken").user, defaults={"hold_seconds": 5})
    for name, seconds in (("may", 120), ("ken", 30)):
        _case, approval = company.waiting()
        until = company.decide(approval, by=name).hold_until
        assert until is not None and seconds - 2 <= (until - database_now()).total_seconds() <= seconds


def test_what_was_decided_late_is_told_who_and_when_was_first(company: Small) -> None:
    case, approval = company.waiting()
    company.decide(approval)
    with pytest.raises(AlreadyDecided) as late:
        company.decide(approval, by="ken")
    assert "May (may)" in late.value.message and late.value.http_status == 409
    take_over(actor=company.as_("ka"), case_id=case.pk)
    _other, second = company.waiting(order="A101")
    take_over(actor=company.as_("ka"), case_id=second.case_id)
    with pytest.raises(WrongState) as withdrawn:
        company.decide(second)
    assert withdrawn.value.detail["state"] == "withdrawn"
    assert Event.objects.filter(code="approval.withdrawn").count() == 1
