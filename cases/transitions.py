"""Every change of a case: under its lock, guarded by the write itself, with its events in the same transaction.

`save` is the one write. It refuses a status that the table does not allow and a row that moved since it was locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any

from django.utils.translation import gettext as _

from cases import doorbell, ledger, rows
from cases.actors import CONTROL, Actor
from cases.errors import NotFound, WrongState
from cases.ledger import Entry
from cases.models import Case, Message, RequestType, Team

S = Case.Status


@dataclass
class Draft:
    """What a transaction has gathered for one locked case: events and changed fields, stored in one write."""

    entries: list[Entry] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    def add(self, *entries: Entry, **changes: Any) -> None:
        self.entries += entries
        self.changes |= changes

    def store(self, case: Case, *, now: datetime) -> None:
        if self.entries or self.changes:
            save(case, self.entries, now=now, **self.changes)


OPEN = frozenset(
    {S.TRIAGE, S.WORKING, S.WAITING_CUSTOMER, S.WAITING_APPROVAL, S.WAITING_WRITE, S.WITH_PERSON, S.REPAIR}
)
MOVES: dict[str, frozenset[str]] = {
    S.RECEIVED: OPEN | {S.DONE, S.MERGED},
    **{status: (OPEN - {status}) | {S.DONE, S.MERGED} for status in OPEN},
    S.DONE: frozenset({S.WORKING, S.WITH_PERSON, S.TRIAGE, S.REPAIR}),
    S.MERGED: frozenset(),
}


def lock(case_id: int) -> Case:
    """The case, locked for the present transaction. First lock of every service.

    Its type is asked for when it is needed: what is joined to a locked row is from before the wait for the lock, and
    of a case that was sorted meanwhile it would be nothing. No lock of a case keeps others from rows that name it.
    """
    try:
        return Case.objects.select_for_update(no_key=True).get(pk=case_id)
    except Case.DoesNotExist:
        raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id}) from None


def lock_at(case_id: int, types: Mapping[int, RequestType]) -> tuple[Case, datetime]:
    """The locked case and the time once it was locked, in one statement. `types`: those that are at hand, by id."""
    found = rows.execute(_lock(), [str(case_id)])
    if not found:
        raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
    case = rows.made(Case, found[0])
    with_type(case, types)
    return case, found[0][-1]


@cache
def _lock() -> str:
    """The clock stands outside of what is locked, so it is read after the wait."""
    return (
        f"SELECT {rows.columns(Case)}, clock_timestamp() FROM "  # noqa: S608  # our own names
        "(SELECT * FROM cases_case WHERE id = $1 FOR NO KEY UPDATE) AS locked"
    )


def with_type(case: Case, types: Mapping[int, RequestType]) -> None:
    """Give a case its type out of those at hand, so that nobody has to ask for it."""
    type_ = types.get(case.type_id or 0)
    if type_ is not None:
        rows.put_beside(case, "type", type_)


def reserve_number(type_name: str = "") -> tuple[int, datetime, int | None]:
    """The next case number, the time, and the number of the type of that name, in one question to the database."""
    row = rows.execute(_NUMBER, [type_name])[0]
    return row[0], row[1], row[2]


_NUMBER = """SELECT nextval(pg_get_serial_sequence('cases_case', 'id')), clock_timestamp(),
(SELECT id FROM cases_requesttype WHERE name = $1 AND NOT retired)"""


def receive(case: Case, first: Message, entries: Sequence[Entry], *, now: datetime) -> Case:
    """Store a new case with its first message and events. `case.pk` comes from `reserve_number`."""
    case.created_at = case.updated_at = case.wake_at = now
    with rows.together():
        ledger.append(case, entries, now=now)
        rows.insert(case, first)
    doorbell.ring()
    return case


def save(case: Case, entries: Sequence[Entry] = (), *, now: datetime, **changes: Any) -> None:
    """Store `changes` and `entries` of a locked case in one guarded write.

    Raises `WrongState` for a status the table does not allow, or when somebody wrote the row meanwhile.
    """
    status = changes.get("status", case.status)
    if status != case.status and status not in MOVES[case.status]:
        raise WrongState(
            _("Case %(number)s is %(state)s. Nothing was changed.")
            % {"number": case.number, "state": case.get_status_display().lower()},
            status=case.status,
        )
    if "wake_at" in changes:  # whoever plans decides which workers it is for; anybody else wakes the flow
        changes.setdefault("wake_queue", "flow")
    with rows.together():
        _store(case, entries, changes, now)


def _store(case: Case, entries: Sequence[Entry], changes: Mapping[str, Any], now: datetime) -> None:
    before = case.seq
    if entries:
        ledger.append(case, entries, now=now)
    stored = {**changes, "seq": case.seq, "head": case.head, "updated_at": now}
    rows.change(case, stored, guard={"seq": before}, missed=partial(_moved, case.number))


def _moved(number: str) -> WrongState:
    return WrongState(_("Case %(number)s was changed meanwhile. Nothing was changed.") % {"number": number})


def wake(case: Case, at: datetime) -> dict[str, Any]:
    """The change that wakes the case at `at`, or earlier if it was to wake earlier."""
    return {"wake_at": min(at, case.wake_at) if case.wake_at else at}


def to_triage(draft: Draft, *, actor: Actor, sorting: dict[str, Any], why: dict[str, Any]) -> None:
    """Nobody is sure what this is: a person sorts it."""
    draft.add(
        Entry("request.unsorted", actor, sorting),
        status=S.TRIAGE,
        sorting=sorting,
        why_here=why,
        confidence=sorting.get("confidence"),
    )


def sorted_as(draft: Draft, case: Case, type_: RequestType, *, actor: Actor, sorting: dict[str, Any]) -> None:
    """The case has a type: its steps start from the beginning, its facts are looked up anew."""
    draft.add(
        Entry("request.sorted", actor, {"type": type_.name, "title": type_.title, **sorting}),
        type=type_,
        sorting=sorting,
        confidence=sorting.get("confidence"),
        confidential=type_.confidential or case.confidential,
        stage=Case.Stage.FACTS,
        facts={},
        steps={},
        lacked=[],
    )


def _named(team: Team | None) -> dict[str, Any]:
    return {"team": team.name, "team_title": team.title} if team else {"team": ""}


def to_people(draft: Draft, case: Case, *, actor: Actor, why: dict[str, Any], team: Team | None) -> None:
    """The AI stops on this case and a team has it, with the reason. The turn does not change: nobody took it yet."""
    team = team or (case.type.team if case.type else None)
    draft.add(
        Entry("case.with_people", actor, {"why": why} | _named(team)),
        status=S.WITH_PERSON,
        holder_kind=Case.Holder.TEAM,
        holder_team=team,
        holder_user=None,
        why_here=why,
    )


def taken_over(case: Case, *, actor: Actor, entries: Sequence[Entry] = (), now: datetime) -> None:
    """A person has the case; the turn passes, so that nothing the AI still does is used."""
    if not case.is_open:
        raise WrongState(
            _("Case %(number)s is closed. Open it again first. Nothing was changed.") % {"number": case.number}
        )
    if case.holder_user_id == actor.user_id:
        raise WrongState(_("You have case %(number)s already. Nothing was changed.") % {"number": case.number})
    held_by = holder_words(case)
    entry = Entry("case.taken_over", actor, {"from": held_by, "turn": case.turn + 1})
    status = S.TRIAGE if case.type is None else S.WITH_PERSON
    save(
        case,
        [entry, *entries],
        now=now,
        status=status,
        turn=case.turn + 1,
        holder_kind=Case.Holder.PERSON,
        holder_user_id=actor.user_id,
        holder_team=None,
        why_here={"code": "taken_over", "by": actor.label, "from": held_by, "at": now.isoformat()},
        **wake(case, now),
    )


def handed_back(
    case: Case, *, actor: Actor, may: str, promised: str, now: datetime, entries: Sequence[Entry] = ()
) -> None:
    """A person gives the case back to the AI: a new turn, open steps start again."""
    if not case.is_open or case.holder_kind == Case.Holder.AI:
        raise WrongState(_("Case %(number)s is not with a person. Nothing was changed.") % {"number": case.number})
    entry = Entry("case.handed_back", actor, {"may": may, "promised": promised, "turn": case.turn + 1})
    steps = {name: step for name, step in case.steps.items() if step["state"] in ("done", "skipped")}
    save(
        case,
        [entry, *entries],
        now=now,
        status=S.WORKING,
        turn=case.turn + 1,
        holder_kind=Case.Holder.AI,
        holder_user=None,
        holder_team=None,
        why_here={},
        promised=promised,
        ai_may=may,
        stage=Case.Stage.FACTS,
        steps=steps,
        wake_at=now,
    )
    doorbell.ring()


def closed(draft: Draft, case: Case, *, actor: Actor, outcome: str, now: datetime, why: str = "") -> None:
    """The case is done. A new turn, so that nothing more is started for it."""
    if not case.is_open:
        raise WrongState(_("Case %(number)s is closed already. Nothing was changed.") % {"number": case.number})
    draft.add(
        Entry("case.closed", actor, {"outcome": outcome} | ({"why": why} if why else {})),
        status=S.DONE,
        turn=case.turn + 1,
        outcome=outcome,
        closed_at=now,
        why_here={},
    )


def reopened(case: Case, *, actor: Actor, why: str, now: datetime, entries: Sequence[Entry] = ()) -> None:
    """A closed case is open again, with the type's team: a person looks before anything is done."""
    if case.status != S.DONE:
        raise WrongState(_("Case %(number)s is not closed. Nothing was changed.") % {"number": case.number})
    entry = Entry("case.reopened", actor, {"why": why})
    save(
        case,
        [*entries, entry],
        now=now,
        status=S.WITH_PERSON if case.type else S.TRIAGE,
        holder_kind=Case.Holder.TEAM if case.type else Case.Holder.AI,
        holder_team=case.type.team if case.type else None,
        holder_user=None,
        outcome="",
        closed_at=None,
        why_here={"code": "reopened", "why": why},
        **wake(case, now),  # its due times count again
    )


def back_to_people(draft: Draft, case: Case, *, why: str) -> None:
    """A closed case is open again, for the team of its type to repair a record."""
    draft.add(
        Entry("case.reopened", CONTROL, {"why": why}),
        status=S.REPAIR,
        holder_kind=Case.Holder.TEAM if case.type else Case.Holder.AI,
        holder_team=case.type.team if case.type else None,
        holder_user=None,
        outcome="",
        closed_at=None,
        why_here={"code": "reopened", "why": why},
    )


def released(case: Case, *, actor: Actor, leaver: str, now: datetime) -> None:
    """The person who had the case left: it goes to the team of its type."""
    team = case.type.team if case.type else None
    entry = Entry("case.released", actor, {"from": leaver} | _named(team))
    save(
        case,
        [entry],
        now=now,
        holder_kind=Case.Holder.TEAM if team else Case.Holder.AI,
        holder_user=None,
        holder_team=team,
        why_here={"code": "released", "from": leaver},
    )


def note(case: Case, *entries: Entry, now: datetime, **changes: Any) -> None:
    """Something to remember about a case that does not move it."""
    save(case, entries, now=now, **changes)


def holder_words(case: Case) -> str:
    """Who has the case, as a name for the record."""
    if case.holder_kind == Case.Holder.PERSON and case.holder_user:
        return case.holder_user.get_full_name() or case.holder_user.username
    if case.holder_kind == Case.Holder.TEAM and case.holder_team:
        return case.holder_team.name
    return "AI"
