"""A case moves as its table allows, under its lock, with one event a move; everything else is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from cases import transitions
from cases.actors import CONTROL
from cases.clock import database_now
from cases.errors import NotFound, WrongState
from cases.ledger import Entry, verify
from cases.models import Case, Event
from cases.transitions import MOVES, Draft
from tests.company import Small

STATES = list(Case.Status.values)
FORBIDDEN = [(a, b) for a in STATES for b in STATES if a != b and b not in MOVES[a]]
ALLOWED = [(a, b) for a in STATES for b in MOVES[a]]


def put(case: Case, status: str) -> Case:
    Case.objects.filter(pk=case.pk).update(status=status)
    return transitions.lock(case.pk)


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(STATES)
    assert len(FORBIDDEN) + len(ALLOWED) == len(STATES) * (len(STATES) - 1)


def test_every_forbidden_move_is_refused_and_changes_nothing(company: Small) -> None:
    case = company.receive()
    for was, to in FORBIDDEN:
        locked = put(case, was)
        with pytest.raises(WrongState) as refused, transaction.atomic():
            transitions.save(locked, [Entry("test", CONTROL)], now=database_now(), status=to)
        assert refused.value.http_status == 409
        case.refresh_from_db()
        assert (case.status, case.seq) == (was, 1), (was, to)
    assert Event.objects.count() == Event.objects.exclude(code="test").count()


def test_every_allowed_move_is_stored_with_its_event(company: Small) -> None:
    case = company.receive()
    for n, (was, to) in enumerate(ALLOWED, start=2):
        transitions.save(put(case, was), [Entry("test", CONTROL)], now=database_now(), status=to)
        case.refresh_from_db()
        assert (case.status, case.seq) == (to, n)
    assert verify(case_id=case.pk).first_broken is None


def test_merged_and_done_are_no_states_to_work_in() -> None:
    assert MOVES[Case.Status.MERGED] == frozenset()
    assert Case.Status.WORKING in MOVES[Case.Status.DONE] and Case.Status.MERGED not in MOVES[Case.Status.DONE]


def test_a_row_that_moved_since_is_not_written(company: Small) -> None:
    """The guarded write: without `seq` in it, the second of two would overwrite the first."""
    case = company.receive()
    one, other = transitions.lock(case.pk), transitions.lock(case.pk)
    transitions.save(one, [Entry("one", CONTROL)], now=database_now(), promised="a call")
    with pytest.raises(WrongState), transaction.atomic():
        transitions.save(other, now=database_now(), promised="nothing")
    assert Case.objects.get(pk=case.pk).promised == "a call"


@pytest.mark.django_db
def test_locking_what_is_not_there_says_so() -> None:
    with pytest.raises(NotFound):
        transitions.lock(999_999)


def actors_and_moves(case: Case, company: Small) -> list[Any]:
    """Each named move, in an order in which all of them are possible."""
    now, ka = database_now(), company.as_("ka")

    def of_draft(move: Any, **values: Any) -> None:
        locked, draft = transitions.lock(case.pk), Draft()
        positional = (draft, locked) if "case" in move.__code__.co_varnames[:2] else (draft,)
        move(*positional, actor=ka, **values)
        draft.store(locked, now=now)

    def of_case(move: Any, **values: Any) -> None:
        move(transitions.lock(case.pk), actor=ka, now=now, **values)

    assert case.type is not None
    return [
        lambda: of_draft(transitions.sorted_as, type_=case.type, sorting={"by": "test"}),
        lambda: of_draft(transitions.to_triage, sorting={"confidence": 0.1}, why={"code": "not_sure"}),
        lambda: of_draft(transitions.to_people, why={"code": "test"}, team=None),
        lambda: of_case(transitions.taken_over),
        lambda: of_case(transitions.released, leaver="Ka"),
        lambda: of_case(transitions.handed_back, may="continue", promised=""),
        lambda: of_draft(transitions.closed, outcome="test", now=now),
        lambda: of_case(transitions.reopened, why="test"),
    ]


def test_each_transition_writes_one_event_with_its_actor(company: Small) -> None:
    case = company.receive()
    for place, move in enumerate(actors_and_moves(case, company), start=2):
        move()
        events = Event.objects.filter(case=case).order_by("seq")
        assert events.count() == place, events.values_list("code", flat=True)
        assert events.last().actor == "Ka (ka)"  # type: ignore[union-attr]
    assert verify().first_broken is None


def test_the_turn_rises_when_who_may_act_changes(company: Small) -> None:
    case = company.receive()
    turns = [1]
    for move in actors_and_moves(case, company):
        move()
        turns.append(Case.objects.get(pk=case.pk).turn)
    taken, handed, closed = turns[4] - turns[3], turns[6] - turns[5], turns[7] - turns[6]
    assert (taken, handed, closed) == (1, 1, 1)


def test_waking_takes_the_earlier_time(company: Small) -> None:
    case, now = company.receive(), database_now()
    case.wake_at = None
    assert transitions.wake(case, now) == {"wake_at": now}
    case.wake_at = now - timedelta(hours=1)
    assert transitions.wake(case, now) == {"wake_at": now - timedelta(hours=1)}
    case.wake_at = now + timedelta(hours=1)
    assert transitions.wake(case, now) == {"wake_at": now}


def test_closed_cases_are_closed_once(company: Small) -> None:
    case, ka = company.receive(), company.as_("ka")
    draft, locked = Draft(), transitions.lock(case.pk)
    transitions.closed(draft, locked, actor=ka, outcome="x", now=database_now())
    draft.store(locked, now=database_now())
    for move in (
        lambda c: transitions.closed(Draft(), c, actor=ka, outcome="x", now=database_now()),
        lambda c: transitions.taken_over(c, actor=ka, now=database_now()),
        lambda c: transitions.handed_back(c, actor=ka, may="continue", promised="", now=database_now()),
    ):
        with pytest.raises(WrongState):
            move(transitions.lock(case.pk))
