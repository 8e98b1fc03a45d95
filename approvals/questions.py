"""Ask for more information before deciding. The approval stays pending; the answer is a message of the case too."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from approvals import transitions
from approvals.acting import label
from approvals.models import Approval, Question
from approvals.permissions import asked_as
from approvals.raising import give_sight
from approvals.selectors import no_right, seen
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect, NotFound, WrongState
from cases.ledger import Entry
from cases.models import Case, CaseSight, Message, Team
from cases.plainly import plain
from cases.services import add_message

MOST_TEXT = 2000  # characters
REQUESTER = "requester"
MOST_OPEN = 10  # questions that wait for an answer, an approval


def ask(*, actor: Actor, approval_id: Any, to: str, text: str) -> Question:
    """Ask `user:ID`, `team:ID` or `requester`. Only who may decide may ask. It gives sight of the case.

    What goes to the requester is only noted here: sending it is a write of its own (`orchestrator.desk.asking`).
    """
    case_id = may_ask(actor=actor, approval_id=approval_id, text=text)
    text = _question(text)
    with transaction.atomic():
        case = case_transitions.lock(case_id)
        approval = waiting_for(actor, approval_id)
        now = database_now()
        user, team = _addressee(to, actor, case)
        if Question.objects.filter(approval=approval, answered_at=None).count() >= MOST_OPEN:
            raise WrongState(_("Ten questions wait for an answer already. Nothing was asked."))
        row = Question.objects.create(
            approval=approval,
            to_user=user,
            to_team=team,
            to_requester=to == REQUESTER,
            to_label=label(user.username, user.first_name, user.last_name) if user else team.name if team else to,
            by_id=actor.user_id,
            by_label=actor.label,
            text=text,
            at=now,
        )
        _give_sight(case, user, team, now)
        _message, noted = add_message(
            case, actor=actor, direction=Message.Direction.NOTE, text=text, author=actor.label, now=now
        )
        data = {"approval": str(approval.pk), "to": row.to_label, "to_title": team.title if team else "", "text": text}
        case_transitions.save(case, [Entry("approval.question", actor, data), noted], now=now)
    return row


def may_ask(*, actor: Actor, approval_id: Any, text: str) -> int:
    """The number of the case, if this person may ask now. Raises what `ask` would."""
    approval = seen(actor, approval_id)
    if approval.state != Approval.State.WAITING:
        raise transitions.wrong_state(approval)
    if actor.user is None or asked_as(actor.user, approval) is None:
        raise no_right(actor, approval)
    _question(text)
    return approval.case_id


def answer(*, actor: Actor, approval_id: Any, question_id: Any, text: str) -> Question:
    """The person asked, or one of the team asked, answers; the approval is marked and wakes."""
    known = Question.objects.select_related("approval").filter(pk=question_id, approval=approval_id).first()
    if known is None or not Question.objects.filter(pk=known.pk).filter(addressed_to(actor)).exists():
        raise NotFound
    text = plain(text).strip()
    if not text or len(text) > MOST_TEXT:
        raise Incorrect(_("Write the answer, in at most 2,000 characters."), fields={"text": []})
    with transaction.atomic():
        case = case_transitions.lock(known.approval.case_id)
        approval = transitions.lock(known.approval_id)
        now = database_now()
        row = Question.objects.select_for_update().get(pk=known.pk)
        if row.answered_at is not None:
            who = row.answered_by_label.split(" (", 1)[0]
            raise WrongState(_("%(who)s answered this already. Nothing was changed.") % {"who": who})
        if approval.state != Approval.State.WAITING:
            raise transitions.wrong_state(approval)
        noted = _message_of(case, actor, text, now)
        entry = _answered(row, approval, actor, text, now)
        case_transitions.save(case, [entry, noted], now=now)
    return row


def answered_by_requester(case: Case, *, actor: Actor, text: str, now: datetime) -> list[Entry]:
    """What the requester writes answers what they were asked. Under the case lock; returns the events."""
    rows = Question.objects.select_for_update().filter(
        approval__case=case, approval__state=Approval.State.WAITING, to_requester=True, answered_at=None
    )
    return [_answered(row, row.approval, actor, plain(text)[:MOST_TEXT], now) for row in rows.order_by("pk")]


def _question(text: str) -> str:
    text = plain(text).strip()
    if not text or len(text) > MOST_TEXT:
        raise Incorrect(_("Write the question, in at most 2,000 characters."), fields={"text": []})
    return text


def addressed_to(actor: Actor) -> Q:
    """Questions that this person may answer."""
    return Q(to_user=actor.user_id) | Q(to_team__group__user=actor.user_id)


def waiting_for(actor: Actor, approval_id: Any) -> Approval:
    """The locked approval, if it waits and this person may decide it."""
    approval = transitions.lock(approval_id)
    if approval.state != Approval.State.WAITING:
        raise transitions.wrong_state(approval)
    if actor.user is None or asked_as(actor.user, approval) is None:
        raise no_right(actor, approval)
    return approval


def _message_of(case: Case, actor: Actor, text: str, now: datetime) -> Entry:
    _message, entry = add_message(
        case, actor=actor, direction=Message.Direction.NOTE, text=text, author=actor.label, now=now
    )
    return entry


def _answered(row: Question, approval: Approval, actor: Actor, text: str, now: datetime) -> Entry:
    row.answer, row.answered_by_label, row.answered_at = text, actor.label, now
    row.save(update_fields=["answer", "answered_by_label", "answered_at"])
    transitions.stirred(approval, now=now, answered_at=now)
    data = {"approval": str(approval.pk), "question": row.text, "asked_by": row.by_label, "text": text}
    return Entry("approval.answered", actor, data)


def _addressee(to: str, actor: Actor, case: Case) -> tuple[User | None, Team | None]:
    """A confidential case is shown to nobody new by asking."""
    kind, _colon, pk = to.partition(":")
    if to == REQUESTER:
        return None, None
    user = User.objects.filter(pk=int(pk), is_active=True).first() if kind == "user" and pk.isdecimal() else None
    team = Team.objects.filter(pk=int(pk), retired=False).first() if kind == "team" and pk.isdecimal() else None
    if user is None and team is None:
        raise Incorrect(_("Choose whom to ask."), fields={"to": []})
    if user is not None and user.pk == actor.user_id:
        raise Incorrect(_("Choose somebody else: you know this already."), fields={"to": []})
    if case.confidential:
        rows = CaseSight.objects.filter(case=case, team=team) if team else None
        sees = rows.exists() if rows is not None else Case.objects.visible_to(user).filter(pk=case.pk).exists()
        if not sees:
            raise Incorrect(_("This case is confidential: ask only who sees it already."), fields={"to": []})
    return user, team


def _give_sight(case: Case, user: User | None, team: Team | None, now: datetime) -> None:
    if team is not None:
        give_sight(case, {team.pk}, now=now)
    if user is not None:
        CaseSight.objects.bulk_create(
            [CaseSight(case=case, user=user, reason="question", at=now)],
            update_conflicts=True,
            unique_fields=["case", "team", "user"],
            update_fields=["reason"],
        )
