"""What a person or a program asks of a whole case: sort, take over, hand back, message, close, reopen, withdraw.

Each is one transaction over the floors: the case first, then runs, proposals and approvals, then the events.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from agents import services as agent_services
from agents import transitions as agent_transitions
from agents.models import Switch, Write
from approvals import leaving, questions
from approvals import transitions as approval_transitions
from approvals.models import Question
from cases import doorbell, transitions
from cases.actors import CONTROL, Actor
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import Entry
from cases.models import Case, Example, Message, RequestType
from cases.permissions import can_see, can_work
from cases.plainly import plain
from cases.services import Sender
from cases.services import add_message as store_message
from cases.transitions import Draft
from orchestrator.flow import calls
from orchestrator.flow.services import settle_switches

NONE = "none"  # the answer "none of our types" in triage


def take_over(*, actor: Actor, case_id: int) -> Case:
    """The person has the case from here on; the AI stops, its proposals and approvals are withdrawn."""
    with transaction.atomic():
        case, now = _locked(_somebody(actor), case_id)
        entries = _stop_ai(case, actor=actor, why="taken_over", now=now)
        transitions.taken_over(case, actor=actor, entries=entries, now=now)
    return case


def hand_back(*, actor: Actor, case_id: int, may: str = "continue", promised: str = "") -> Case:
    """Give the case back to the AI. `may` is one of `Case.AiMay`."""
    if may not in Case.AiMay.values:
        raise Incorrect(
            _("Say what the AI may do: continue, draft or watch. Nothing was changed."), fields={"may": [may]}
        )
    with transaction.atomic():
        case, now = _locked(_somebody(actor), case_id)
        if case.type is None:
            raise WrongState(_("Sort the case first: nobody knows its type yet. Nothing was changed."))
        _not_in_flight(case)
        people = _steps_of_people_done(case, actor, now)
        if people:
            case.steps = people
        entries = _stop_ai(case, actor=actor, why="handed_back", now=now)
        promised = plain(promised)[:2000]
        transitions.handed_back(case, actor=actor, may=may, promised=promised, entries=entries, now=now)
    return case


def sort(*, actor: Actor, case_id: int, type_name: str) -> Case:
    """A person says what the request is: the answer in triage, or a correction. It becomes an example."""
    type_ = None if type_name == NONE else RequestType.objects.filter(name=plain(type_name), retired=False).first()
    if type_ is None and type_name != NONE:
        raise Incorrect(
            _("There is no request type %(name)s. Nothing was changed.") % {"name": type_name},
            fields={"type": [type_name]},
        )
    with transaction.atomic():
        case, now = _locked(_somebody(actor), case_id)
        if not case.is_open:
            raise WrongState(
                _("Case %(number)s is closed. Open it again first. Nothing was changed.") % {"number": case.number}
            )
        if type_ is not None and case.type_id == type_.pk and case.status != Case.Status.TRIAGE:
            raise WrongState(_("Case %(number)s has this type already. Nothing was changed.") % {"number": case.number})
        _not_in_flight(case)
        _learn(case, type_, actor, now)
        draft = Draft(_stop_ai(case, actor=actor, why="sorted_again", now=now))
        if type_ is None:
            draft.add(Entry("request.no_type", actor, {}), **_held_by(actor, case), turn=case.turn + 1)
        else:
            _sorted_by_person(draft, case, type_, actor, now)
        draft.store(case, now=now)
        doorbell.ring()
    return case


def _sorted_by_person(draft: Draft, case: Case, type_: RequestType, actor: Actor, now: datetime) -> None:
    before = case.type.name if case.type else ""
    sorting = {"by": "person", "by_whom": actor.label, "before": before, "confidence": 1.0}
    transitions.sorted_as(draft, case, type_, actor=actor, sorting=sorting)
    draft.add(
        status=Case.Status.WORKING,
        stage=Case.Stage.SORT,  # due times follow from the type, so the control layer goes through it once more
        holder_kind=Case.Holder.AI,
        holder_user=None,
        holder_team=None,
        turn=case.turn + 1,
        why_here={},
        wake_at=now,
    )


def add_message(
    *,
    actor: Actor,
    case_id: int,
    text: str,
    private: bool = False,
    sender: Sender | None = None,
    external_id: str = "",
) -> Message:
    """A private note of a person, or what the requester wrote next. A public reply of staff is a call (`reply`).

    A repeated `external_id` of the same token gives the same message.
    """
    with transaction.atomic():
        case, now = _locked(actor, case_id)
        if sender is None and not private:
            raise Incorrect(
                _("A reply to the requester goes through the reply form. Nothing was changed."), fields={"private": []}
            )
        direction = Message.Direction.NOTE if sender is None else Message.Direction.IN
        author = (
            actor.label if sender is None else (sender.name or sender.contact or case.requester_name or actor.label)
        )
        external_id = plain(external_id)[:200]
        if external_id:
            whose = Q(token_id=actor.token_id) | Q(token_id=None)  # older rows do not say
            known = Message.objects.filter(whose, case=case, external_id=external_id).first()
            if known is not None:
                return known
        message, entry = store_message(case, actor=actor, direction=direction, text=text, author=author, now=now)
        if external_id:
            Message.objects.filter(pk=message.pk).update(external_id=external_id, token_id=actor.token_id)
        if direction == Message.Direction.NOTE:
            transitions.save(case, [entry], now=now)
        else:
            _answered(case, entry, actor, text, now)
    return message


def _answered(case: Case, entry: Entry, actor: Actor, text: str, now: datetime) -> None:
    """The requester wrote: a closed case opens again, and a step that waited for the answer goes on."""
    if case.status == Case.Status.DONE:
        transitions.reopened(case, actor=actor, why="message", now=now, entries=[entry])
        return
    entries = [entry, *questions.answered_by_requester(case, actor=actor, text=text, now=now)]
    changes: dict[str, Any] = {}
    if case.status == Case.Status.WAITING_CUSTOMER and case.holder_kind == Case.Holder.AI:
        changes = {"stage": Case.Stage.FACTS, "status": Case.Status.WORKING, "wake_at": now}
        doorbell.ring()
    transitions.save(case, entries, now=now, **changes)


def ask(*, actor: Actor, approval_id: Any, to: str, text: str) -> Question:
    """Ask before deciding: a person or a team, or the requester, to whom it is sent as any reply, under the rules.

    Sending comes first, with no lock held: what cannot be sent is not asked, and asking again finds what was sent.
    """
    if to == questions.REQUESTER:
        case_id = questions.may_ask(actor=actor, approval_id=approval_id, text=text)
        sent = calls.ask_requester(actor=actor, case_id=case_id, text=plain(text).strip())
        if sent.status not in ("done", "waiting", "held", "permitted"):
            raise WrongState(_("It could not be sent: %(why)s") % {"why": sent.error or sent.status})
    return questions.ask(actor=actor, approval_id=approval_id, to=to, text=text)


def close(*, actor: Actor, case_id: int, outcome: str) -> Case:
    """A person ends the case. What is being written is waited for; nothing else is started."""
    outcome = plain(outcome)
    if not outcome.strip():
        raise ReasonRequired(_("Say how the case ended."), fields={"outcome": [_("Write the outcome.")]})
    return _end(_somebody(actor), case_id, outcome.strip()[:60], lambda case: _not_in_flight(case))


def withdraw(*, actor: Actor, case_id: int, reason: str = "") -> Case:
    """The requester takes the request back. Nothing more is started for it."""
    return _end(actor, case_id, "withdrawn", lambda case: None, why=plain(reason).strip()[:500])


def _end(actor: Actor, case_id: int, outcome: str, check: Callable[[Case], None], *, why: str = "") -> Case:
    with transaction.atomic():
        case, now = _locked(actor, case_id)
        check(case)
        draft = Draft(_stop_ai(case, actor=actor, why=outcome, now=now))
        transitions.closed(draft, case, actor=actor, outcome=outcome, why=why, now=now)
        draft.add(wake_at=now)  # an effect that was begun still gets its outcome
        draft.store(case, now=now)
        doorbell.ring()
    return case


def reopen(*, actor: Actor, case_id: int) -> Case:
    """A person opens a closed case again."""
    with transaction.atomic():
        case, now = _locked(_somebody(actor), case_id)
        transitions.reopened(case, actor=actor, why="reopened", now=now)
    return case


def release_leaver(*, actor: Actor, user_id: int) -> int:
    """Someone left: what they held goes to the team. Approvals are asked of teams and stay. Returns how many cases."""
    held = Case.objects.filter(holder_user=user_id).exclude(status__in=Case.CLOSED).values_list("pk", flat=True)
    released = 0
    for case_id in list(held):
        with transaction.atomic():
            case, now = transitions.lock(case_id), database_now()
            if case.holder_user_id != user_id or not case.is_open:
                continue
            transitions.released(case, actor=actor, leaver=transitions.holder_words(case), now=now)
            released += 1
    return released


def release_leavers() -> int:
    """Whoever was made inactive holds nothing any more, and nothing waits for who was named, however it was done."""
    left = Case.objects.filter(holder_user__is_active=False).exclude(status__in=Case.CLOSED)
    users = set(left.values_list("holder_user_id", flat=True))
    released = sum(release_leaver(actor=CONTROL, user_id=pk) for pk in users if pk is not None)
    return released + leaving.let_go(actor=CONTROL)


def resume_ai(*, actor: Actor, scope: str, name: str = "", reason: str = "") -> Switch:
    """Start AI again: its cases look on, and waiting approvals get the lost time back."""
    switch = agent_services.resume(actor=actor, scope=scope, name=name, reason=reason)
    settle_switches()
    return switch


# ---------------------------------------------------------------------- parts


def _locked(actor: Actor, case_id: int) -> tuple[Case, datetime]:
    """The locked case, if this actor may work on it. Strangers are told that it does not exist.

    A program speaks for the requester of what it handed in, an agent too: its work on a case gives it no voice there.
    """
    case = transitions.lock(case_id)
    if actor.is_person:
        if not can_work(actor.user, case):
            if can_see(actor.user, case):
                raise NoRight(_("You can see this case, but its team works on it. Nothing was changed."))
            raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
    elif actor.kind != "control" and (actor.token_id is None or actor.token_id != case.token_id):
        raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
    return case, database_now()


def _somebody(actor: Actor) -> Actor:
    """Only people decide what becomes of a case: never an agent, a program or the control layer."""
    if not actor.is_person or actor.user_id is None:
        raise NoRight
    return actor


def _stop_ai(case: Case, *, actor: Actor, why: str, now: datetime) -> list[Entry]:
    """Approvals first (they stand above), then runs, proposals and writes that did not start."""
    entries = approval_transitions.withdraw(case, actor=actor, why=why, now=now)
    return entries + agent_transitions.withdraw(case, actor=actor, why=why, now=now)


def _not_in_flight(case: Case) -> None:
    """Nobody walks away from a write whose outcome is not known."""
    open_ = Write.objects.filter(case=case, state__in=[Write.State.RESERVED, Write.State.UNKNOWN])
    if names := list(open_.values_list("name", flat=True)):
        raise WrongState(
            _("The outcome of %(names)s is not known yet. Clear it up under “Records to repair” first.")
            % {"names": ", ".join(names)}
        )


def _steps_of_people_done(case: Case, actor: Actor, now: datetime) -> dict[str, Any]:
    """Who hands a case back has done the step of people that it was waiting for."""
    changed = dict(case.steps)
    for name, step in case.steps.items():
        if step["state"] == "open" and _is_of_people(case, name):
            changed[name] = {**step, "state": "done", "at": now.isoformat(), "by": actor.label}
    return changed


def _is_of_people(case: Case, name: str) -> bool:
    return case.type is not None and case.type.steps.filter(name=name, team__isnull=False).exists()


def _held_by(actor: Actor, case: Case) -> dict[str, Any]:
    return {
        "status": Case.Status.TRIAGE,
        "holder_kind": Case.Holder.PERSON,
        "holder_user_id": actor.user_id,
        "holder_team": None,
        "why_here": {"code": "no_type"},
    }


def _learn(case: Case, type_: RequestType | None, actor: Actor, now: datetime) -> None:
    """What a person answered trains the sorter. It is personal data, so it is no part of the map."""
    first = case.messages.filter(direction=Message.Direction.IN).first()
    if first is not None:
        Example.objects.filter(case_id=case.pk).delete()
        Example(type=type_, text=first.text[:4000], case_id=case.pk, by=actor.label, at=now).save()
