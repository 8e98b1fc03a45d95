"""One button, one transaction: the person has the case, the AI stops, nothing of it starts any more."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from agents.models import Proposal, Run, Write
from approvals.models import Approval
from approvals.services import decide
from cases.actors import CONTROL, Actor
from cases.clock import database_now
from cases.errors import NoRight, NotFound, ReasonRequired, TurnPassed, WrongState
from cases.ledger import verify
from cases.models import Case, Event, RequestType
from orchestrator.desk import services
from orchestrator.desk.services import close, release_leaver, reopen, take_over, withdraw
from orchestrator.flow import working
from orchestrator.flow.calls import call
from tests.company import Small, at_once, small


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


@pytest.fixture
def racing(transactional_db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def taken(company: Small, case: Case, by: str = "ka") -> Case:
    return take_over(actor=company.as_(by), case_id=case.pk)


def test_it_is_theirs_at_once_and_everything_open_is_withdrawn(company: Small) -> None:
    case, approval = company.waiting()
    was = case.turn
    case = taken(company, case)
    approval.refresh_from_db()
    assert (case.status, case.holder_kind, case.turn) == ("with_person", "person", was + 1)
    assert case.holder_user is not None and case.holder_user.username == "ka"
    assert approval.state == "withdrawn" and company.proposal(case).state == "withdrawn"
    assert set(Write.objects.filter(case=case).values_list("state", flat=True)) == {"withdrawn"}
    assert not Run.objects.filter(case=case, state="open").exists()
    codes = company.codes(case)
    assert codes.count("case.taken_over") == 1 == codes.count("approval.withdrawn") == codes.count("proposal.withdrawn")
    company.go(case)
    company.later(case)
    assert company.shop.done == [] and Proposal.objects.filter(case=case).count() == 1
    assert verify().first_broken is None


def test_a_case_that_nobody_sorted_stays_to_be_sorted(company: Small) -> None:
    case = company.go(company.receive(""))
    assert case.status == "triage"
    case = taken(company, case)
    assert (case.status, case.holder_kind) == ("triage", "person")
    assert company.go(case).status == "triage"


def test_the_agent_of_an_open_run_is_told_that_the_turn_passed(company: Small) -> None:
    case = company.go(company.receive("outside"))
    turn = case.turn
    taken(company, case)
    for turn_named in (turn, turn + 1):
        with pytest.raises((TurnPassed, NotFound)):
            call(
                actor=company.courier(),
                case_id=case.pk,
                operation="shop.order",
                arguments={"number": "A100"},
                turn=turn_named,
            )
    assert company.shop.sent("/orders/A100", "GET") == 1  # the control layer's own owner check


def test_somebody_else_may_take_it_over_again(company: Small) -> None:
    case, _approval = company.waiting()
    taken(company, case)
    case = taken(company, case, "wing")
    assert case.holder_user is not None and case.holder_user.username == "wing" and case.turn == 3
    assert company.told(case, "case.taken_over")["from"] == "Ka"


def test_two_at_once_are_both_told_and_one_has_it(racing: Small) -> None:
    case, _approval = racing.waiting()
    results = at_once([lambda n=name: taken(racing, case, n) for name in ("ka", "wing")])
    assert all(isinstance(r, Case) for r in results), results
    case.refresh_from_db()
    assert case.turn == 3 and racing.codes(case).count("case.taken_over") == 2
    assert verify().first_broken is None


def test_taking_over_and_deciding_at_once_leave_one_truth(racing: Small) -> None:
    """Either the decision came first and was stopped before it was sent, or there was nothing left to decide."""
    for _round in range(6):
        case, approval = racing.waiting()
        decide_it = lambda a=approval: racing.decide(a)  # noqa: E731
        results = at_once([decide_it, lambda c=case: taken(racing, c)])
        assert isinstance(results[1], Case), results
        assert isinstance(results[0], Approval | WrongState), results
        racing.go(case)
        assert racing.write(case).state == "withdrawn"
    assert racing.shop.done == [] and verify().first_broken is None


def test_taking_over_while_the_worker_writes_never_loses_the_effect(racing: Small) -> None:
    """Whatever comes first: what the system did is in the ledger, once."""
    for _round in range(6):
        case, approval = racing.waiting()
        racing.decide(approval)
        before = len(racing.shop.done)
        results = at_once([lambda c=case: racing.go(c), lambda c=case: taken(racing, c)])
        assert all(isinstance(r, Case) for r in results), results
        racing.later(case, 10)
        done = len(racing.shop.done) - before
        assert racing.codes(case).count("write.written") == done
        assert racing.write(case).state == ("written" if done else "withdrawn")


@pytest.mark.parametrize("name", ["sam", "fin"])
def test_strangers_find_nothing(company: Small, name: str) -> None:
    case, _approval = company.waiting()
    for service, more in (
        (take_over, {}),
        (close, {"outcome": "x"}),
        (services.hand_back, {}),
        (services.sort, {"type_name": "chores"}),
        (withdraw, {}),
        (reopen, {}),
        (services.add_message, {"text": "x", "private": True}),
    ):
        with pytest.raises(NotFound):
            service(actor=company.as_(name), case_id=case.pk, **more)
    with pytest.raises(NotFound):
        take_over(actor=company.as_(name), case_id=999_999)
    assert Case.objects.get(pk=case.pk).turn == 1


def test_onlookers_see_it_and_may_not_work_it(company: Small) -> None:
    company.rule("heads", {"ask": "finance"})
    case, _approval = company.waiting()
    with pytest.raises(NoRight):
        take_over(actor=company.as_("fin"), case_id=case.pk)


def test_neither_agents_nor_programs_nor_the_control_layer_do_what_people_do(company: Small) -> None:
    """Agents can never take over, sort, close or decide: that is code, not policy."""
    case, approval = company.waiting()
    program = Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True)
    for actor in (company.courier(), program, CONTROL):
        for service, more in (
            (take_over, {}),
            (close, {"outcome": "x"}),
            (services.hand_back, {}),
            (services.sort, {"type_name": "chores"}),
            (reopen, {}),
        ):
            with pytest.raises((NoRight, NotFound)):
                service(actor=actor, case_id=case.pk, **more)
        with pytest.raises((NoRight, NotFound)):
            decide(actor=actor, approval_id=approval.pk, fingerprint=approval.fingerprint, option="full")
    case.refresh_from_db()
    assert (case.turn, case.status) == (1, "waiting_approval")


def test_a_requester_withdraws_their_own_request_only(company: Small) -> None:
    case, approval = company.waiting()
    other = Actor("requester", "token other", token_id=2)
    with pytest.raises(NotFound):
        withdraw(actor=other, case_id=case.pk)
    own = Actor("requester", "token shop", token_id=1, token_name="shop")
    case = withdraw(actor=own, case_id=case.pk, reason="found it")
    approval.refresh_from_db()
    assert (case.status, case.outcome, approval.state) == ("done", "withdrawn", "withdrawn")
    company.go(case)
    assert company.shop.done == [] and Case.objects.get(pk=case.pk).wake_at is None


def test_closing_needs_an_outcome_and_waits_for_what_is_under_way(company: Small) -> None:
    company.shop.faults["/vouchers"] = ["cut_after"]
    case, approval = company.waiting("vouchers")
    company.decide(approval, "voucher")
    company.go(case)
    ka = company.as_("ka")
    with pytest.raises(ReasonRequired):
        close(actor=ka, case_id=case.pk, outcome="  ")
    with pytest.raises(WrongState):
        close(actor=ka, case_id=case.pk, outcome="done")
    other = company.go(company.receive("side"))
    assert close(actor=ka, case_id=other.pk, outcome="done by phone").status == "done"
    with pytest.raises(WrongState):
        close(actor=ka, case_id=other.pk, outcome="again")
    with pytest.raises(WrongState):
        take_over(actor=ka, case_id=other.pk)


def test_a_closed_case_opens_again_with_its_team(company: Small) -> None:
    case = company.go(company.receive("chores"))
    assert case.status == "done"
    case = reopen(actor=company.as_("ka"), case_id=case.pk)
    assert (case.status, case.holder_kind, case.closed_at, case.outcome) == ("with_person", "team", None, "")
    company.go(case)
    assert len(company.shop.effects("/tickets")) == 1
    with pytest.raises(WrongState):
        reopen(actor=company.as_("ka"), case_id=case.pk)


def test_what_a_leaver_held_goes_to_the_team(company: Small) -> None:
    case, _approval = company.waiting()
    taken(company, case)
    closed = taken(company, company.go(company.receive("side")))
    close(actor=company.as_("ka"), case_id=closed.pk, outcome="x")
    ka = company.as_("ka")
    assert release_leaver(actor=CONTROL, user_id=ka.user_id or 0) == 1
    case.refresh_from_db()
    assert (case.holder_kind, case.holder_user, case.status) == ("team", None, "with_person")
    assert company.told(case, "case.released")["from"] == "Ka"
    assert release_leaver(actor=CONTROL, user_id=ka.user_id or 0) == 0


def test_odd_texts_are_kept_or_refused_and_never_break(company: Small) -> None:
    """U+0000 and half surrogates in every text a person can give to these services."""
    ka, odd = company.as_("ka"), "a\x00b \ud800 \u202e"
    case = company.go(company.receive("side"))
    attempts: list[tuple[Any, dict[str, Any]]] = [
        (services.add_message, {"text": odd, "private": True}),
        (services.sort, {"type_name": odd}),
        (close, {"outcome": odd}),
        (reopen, {}),
        (take_over, {}),
        (services.hand_back, {"promised": odd}),
        (withdraw, {"reason": odd}),
    ]
    for service, more in attempts:
        try:
            service(actor=ka, case_id=case.pk, **more)
        except Exception as refusal:
            assert type(refusal).__name__ in ("Incorrect", "WrongState"), (service.__name__, refusal)
    assert verify().first_broken is None and Event.objects.filter(case=case).exists()


# ---------------------------------------------------------------------- a write that nobody knows of


@pytest.mark.parametrize("when", ["after", "meanwhile"])
def test_a_withdrawn_case_comes_back_if_nobody_knows_what_was_written(racing: Small, when: str) -> None:
    racing.patient()
    racing.shop.faults["/vouchers"] = ["cut_after"]
    case, approval = racing.waiting("vouchers")
    racing.decide(approval, "voucher")

    def withdrawn() -> None:
        racing.shop.hooks.clear()
        withdraw(actor=racing.as_("ka"), case_id=case.pk, reason="changed their mind")

    if when == "meanwhile":
        racing.shop.hooks["/vouchers"] = withdrawn
    case = racing.go(case)
    if when == "after":
        withdrawn()
    for _n in range(3):
        case = racing.later(case)
    assert (case.status, case.holder_kind, case.outcome) == ("repair", "team", "")
    assert case.holder_team is not None and case.holder_team.name == "support"
    assert Write.objects.get(case=case, option="voucher").state == "unknown"
    assert racing.codes(case).count("case.reopened") == 1 and len(racing.shop.effects("/vouchers")) == 1


def test_nobody_sorts_away_from_a_write_that_is_not_known(company: Small) -> None:
    company.shop.faults["/vouchers"] = ["cut_after"]
    case, approval = company.waiting("vouchers")
    company.decide(approval, "voucher")
    assert company.go(case).status == "repair"
    with pytest.raises(WrongState):
        services.sort(actor=company.as_("ka"), case_id=case.pk, type_name="refund")
    case.refresh_from_db()
    assert case.status == "repair" and case.type is not None and case.type.name == "vouchers"


def test_a_case_that_is_open_again_is_late_once_its_time_has_passed(company: Small) -> None:
    """It was done in time, and nobody would have looked at it again."""
    type_ = RequestType.objects.get(name="notes")
    type_.due = {"finish": "1h"}
    type_.save()
    case = company.go(company.receive("notes"))
    assert (case.status, case.wake_at) == ("done", None)
    reopen(actor=company.as_("ka"), case_id=case.pk)
    case = company.go(case)
    assert case.wake_at == case.finish_due and case.late_since is None
    Case.objects.filter(pk=case.pk).update(finish_due=database_now())
    case = company.later(case)
    assert case.late_since is not None and "due.passed" in company.codes(case)


def test_a_case_that_is_sorted_at_this_moment_is_taken_over_as_a_sorted_one(
    racing: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person waits for the worker's lock. What PostgreSQL joins to the locked row is from before the wait."""
    case = racing.receive("", text="money back for A100")
    real, people = working.plan_on, []

    def sorted_now(stretch: Any, locked: Case, draft: Any) -> Any:
        if not people:
            people.append(threading.Thread(target=at_once, args=([lambda: taken(racing, case)],)))
            people[0].start()
            waits_for_a_lock()
        return real(stretch, locked, draft)

    monkeypatch.setattr(working, "plan_on", sorted_now)
    racing.go(case)
    people[0].join()
    case.refresh_from_db()
    assert case.type is not None and case.type.name == "refund"
    assert (case.status, case.holder_kind) == ("with_person", "person")


def waits_for_a_lock() -> None:
    """Until another connection waits for one that this one holds."""
    for _n in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
