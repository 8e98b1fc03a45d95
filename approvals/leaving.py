"""People who were named before an approval and left: nothing waits for them, and what was passed on comes back."""

import logging
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents import stored
from agents.carrying import end_unstarted
from agents.errors import Refused
from approvals import transitions
from approvals.acting import ADD_SIGHT_OF_CASE, label
from approvals.concluding import conclude, go_on
from approvals.counting import HERE, agreed, beside
from approvals.models import Approval, Decision, Named, Question
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.ledger import Entry
from cases.models import CaseSight

log = logging.getLogger(__name__)


def let_go(*, actor: Actor) -> int:
    """Wait no more for who was named, gave no answer, and is inactive or of another team now. Returns how many.

    Where everybody else had agreed it is concluded with their answers. One that cannot be now (an agent's limit is used
    up) stays as it was and is looked at again; one that no answer would help any more (its grant is gone) is ended.
    """
    gone = 0
    for pk, case_id in list(_left().values_list("approval_id", "approval__case_id").distinct()):
        try:
            with transaction.atomic():
                gone += _of(actor, pk, case_id)
        except Refused as refusal:
            if refusal.detail.get("reason") == "grant":
                gone += _end(actor, pk, case_id, refusal.message)
            else:
                log.warning("approval %s cannot be concluded without who left: %s", pk, refusal.message)
    return gone


def _left() -> QuerySet[Named]:
    own = Q(user=OuterRef("user")) | Q(covering=OuterRef("user"))
    answered = Exists(Decision.objects.filter(own, approval=OuterRef("approval"), undone_at=None))
    return Named.objects.filter(~HERE, ~answered, approval__state=Approval.State.WAITING)


def _of(actor: Actor, approval_id: UUID, case_id: int) -> int:
    case, now = case_transitions.lock_at(case_id, {})
    approval, proposal = transitions.lock_both(approval_id)
    proposal.case = approval.case = case
    left = list(_left().filter(approval=approval.pk).select_related("user"))
    if not left:
        return 0
    entries = [Entry("approval.named_left", actor, _told(approval, row)) for row in left]
    for row in left:
        row.delete()
    _end_sight(case.pk, [row.user_id for row in left])
    transitions.stirred(approval, now=now)
    last = approval.decisions.filter(undone_at=None).order_by("pk").last()
    around = beside(approval, last.user_id if last else None)
    if approval.fingerprint == proposal.fingerprint and agreed(around, around.decisions):
        config = around.glance.config
        case_transitions.with_type(case, config.type_rows)
        writes = stored.writes_of(proposal, config)
        entries += conclude(actor, approval, proposal, writes, around.decisions, around, now)
        go_on(case, approval, entries, now)
    else:
        case_transitions.save(case, entries, now=now)
    return len(left)


@transaction.atomic
def _end(actor: Actor, approval_id: UUID, case_id: int, why: str) -> int:
    """The agent may not do any more what everybody had agreed to: nobody is left to say so, and its step is told."""
    case, now = case_transitions.lock_at(case_id, {})
    approval, proposal = transitions.lock_both(approval_id)
    if approval.state != Approval.State.WAITING:
        return 0
    entries = transitions.withdraw(case, actor=actor, why=why, now=now, proposal_id=proposal.pk)
    writes = list(proposal.writes.all())
    entries += end_unstarted(proposal, writes, why="grant", now=now, words=why)
    case_transitions.save(case, entries, now=now, **case_transitions.wake(case, now))
    doorbell.ring()
    return 1


def _told(approval: Approval, row: Named) -> dict[str, Any]:
    who = label(row.user.username, row.user.first_name, row.user.last_name)
    return {"approval": str(approval.pk), "title": approval.title, "who": who, "kind": row.kind}


def _end_sight(case_id: int, users: list[int]) -> None:
    """Sight that came from being named goes with it; who answered in this case, or was asked there, keeps it."""
    decided = Decision.objects.filter(approval__case=case_id, user=OuterRef("user"))
    named = Named.objects.filter(approval__case=case_id, user=OuterRef("user"))
    asked = Question.objects.filter(approval__case=case_id, to_user=OuterRef("user"))
    sight = CaseSight.objects.filter(case=case_id, user__in=users, reason="asked")
    sight.filter(~Exists(decided), ~Exists(named), ~Exists(asked)).delete()
    with connection.cursor() as cursor:  # some of them may cover for somebody who is asked
        cursor.execute(ADD_SIGHT_OF_CASE, [case_id, case_id])
