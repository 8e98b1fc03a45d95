"""Every change of an approval: guarded by the write, under the case lock, with its event. Time-out never approves."""

from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from agents.configuration import Configuration
from agents.models import Proposal
from approvals import ladder
from approvals.errors import AlreadyDecided
from approvals.models import Approval, Asked, Decision
from approvals.raising import deadline, give_sight, is_above
from cases import rows, wording
from cases.actors import CONTROL, Actor
from cases.errors import NotFound, WrongState
from cases.ledger import Entry
from cases.models import Case, Event
from cases.wording import name_of

A = Approval.State
MOVES: dict[str, frozenset[str]] = {
    A.WAITING: frozenset({A.DECIDED, A.WITHDRAWN}),
    A.DECIDED: frozenset({A.WAITING}),
    A.WITHDRAWN: frozenset(),
}


def move(approval: Approval, to: str, **changes: Any) -> None:
    """One guarded move. Raises `AlreadyDecided` or `WrongState` when somebody was first."""
    if to not in MOVES[approval.state]:
        raise wrong_state(approval)
    changes["state"] = to
    rows.change(approval, changes, guard={"state": approval.state}, missed=partial(_was_first, approval))


def _was_first(approval: Approval) -> WrongState | AlreadyDecided:
    approval.refresh_from_db()
    return wrong_state(approval)


def wrong_state(approval: Approval) -> WrongState | AlreadyDecided:
    """What a late person is told: who decided and what, or that it was withdrawn."""
    if approval.state == A.DECIDED:
        given = list(approval.decisions.filter(undone_at=None).order_by("id"))
        last = given[-1] if given else None
        names = ", ".join(one.who if one.covering_label or one.override else one.label for one in given)
        return AlreadyDecided(
            _("%(who)s decided this already. Nothing was changed.") % {"who": names},
            decided_by=names,
            option=last.option if last else "",
        )
    if approval.state == A.WITHDRAWN:
        return WrongState(
            _("This was withdrawn: nobody has to decide it any more. Nothing was changed."), state=A.WITHDRAWN
        )
    return WrongState(_("This is not decided yet. Nothing was changed."), state=approval.state)


def already_undone(approval: Approval, actor: Actor, now: datetime) -> WrongState | None:
    """What is told to who decided this and finds it taken back already: by whom and when. None: they never did."""
    mine = approval.decisions.filter(user=actor.user_id, undone_at__isnull=False).order_by("-undone_at", "-pk").first()
    if mine is None:
        return None
    return _undone(_("%(who)s took this decision back already, %(at)s. Nothing was changed."), approval, mine, now)


def taken_back(approval: Approval, decision: Decision, now: datetime) -> WrongState:
    """What is told to who sends the form of a decision again that was taken back: it waits for another answer."""
    words = _("%(who)s took this decision back, %(at)s. Open it again to decide anew; nothing was decided.")
    return _undone(words, approval, decision, now)


def _undone(words: str, approval: Approval, decision: Decision, now: datetime) -> WrongState:
    at = decision.undone_at or now
    undone = Event.objects.filter(
        case=approval.case_id, code="approval.undone", detail__data__approval=str(approval.pk), at__lte=at
    )
    by = undone.order_by("-seq").values_list("actor", flat=True).first() or decision.label
    said = wording.moment(at, now, timezone.get_current_timezone())
    return WrongState(words % {"who": name_of(by), "at": said}, undone_by=by, undone_at=at.isoformat())


def stirred(approval: Approval, *, now: datetime, **changes: Any) -> None:
    """Somebody did something to a waiting approval: who put it aside until then sees it again."""
    Approval.objects.filter(pk=approval.pk).update(changed_at=now, **changes)


def lock(approval_id: Any) -> Approval:
    """The approval, locked after its case and proposal."""
    try:
        return Approval.objects.select_for_update(of=("self",)).select_related("proposal", "case").get(pk=approval_id)
    except (Approval.DoesNotExist, ValueError):
        raise NotFound from None


def lock_both(approval_id: Any) -> tuple[Approval, Proposal]:
    """The approval and its proposal, locked after their case, in one statement."""
    found = rows.execute(_BOTH, [str(approval_id)])
    if not found:
        raise NotFound
    approval = rows.made(Approval, found[0])
    proposal = rows.made(Proposal, found[0][len(Approval._meta.concrete_fields) :])
    approval.proposal = proposal
    return approval, proposal


_BOTH = (
    f"SELECT {rows.columns(Approval, 'a.')}, {rows.columns(Proposal, 'p.')} FROM agents_proposal p "  # noqa: S608
    "JOIN approvals_approval a ON a.proposal_id = p.id WHERE a.id = $1 FOR UPDATE"
)


def withdraw(case: Case, *, actor: Actor, why: str, now: datetime, proposal_id: Any = None) -> list[Entry]:
    """Open approvals of a case (or of one proposal) need nobody any more."""
    waiting = Approval.objects.select_for_update().filter(case=case, state=A.WAITING).order_by("pk")
    if proposal_id is not None:
        waiting = waiting.filter(proposal=proposal_id)
    entries = []
    for approval in waiting:
        move(approval, A.WITHDRAWN)
        close_asked(approval)
        entries.append(
            Entry("approval.withdrawn", actor, {"approval": str(approval.pk), "title": approval.title, "why": why})
        )
    return entries


def close_asked(approval: Approval) -> None:
    """Nobody is asked any more."""
    rows.add(_CLOSE, [approval.pk])


_CLOSE = "{name} AS (UPDATE approvals_asked SET closed = true WHERE approval_id = %s::uuid AND NOT closed)"


def pass_up(approval: Approval, config: Configuration, *, now: datetime) -> list[Entry]:
    """Nobody decided in time: the next team is asked as well. At the end of the ladder it stays with people."""
    asked = list(approval.asked.filter(closed=False).select_related("team"))
    entries: list[Entry] = []
    next_due: list[datetime] = []
    for step in ladder.steps(approval, asked, config.lines):
        one, team = step.asked, config.teams[step.to]
        higher = Asked(
            approval=approval,
            team=team,
            people=one.people,
            stage=one.stage,
            since=now,
            passed_up_from=step.root,
            above=is_above(team, approval.case, config),
        )
        Asked.objects.bulk_create([higher], ignore_conflicts=True)
        give_sight(approval.case, {team.pk}, now=now)
        due = deadline({"within": step.within, "calendar": step.calendar}, config, now)
        if due:
            next_due.append(due)
        data = {
            "approval": str(approval.pk),
            "title": approval.title,
            "from": one.team.name,
            "to": team.name,
            "from_title": one.team.title,
            "to_title": team.title,
            "was_due": approval.due_at,
        }
        entries.append(Entry("approval.passed_up", CONTROL, data))
    if not entries:
        entries.append(Entry("approval.overdue", CONTROL, {"approval": str(approval.pk), "title": approval.title}))
    Approval.objects.filter(pk=approval.pk, state=A.WAITING).update(
        due_at=min(next_due, default=None), passed_up=approval.passed_up + 1, changed_at=now
    )
    return entries


def open_next_stage(approval: Approval, *, now: datetime, config: Configuration) -> bool:
    """Open the next stage of asks, if there is one. False: everyone has agreed."""
    waiting = approval.asked.filter(closed=True, stage__gt=_stage(approval)).order_by("stage").first()
    if waiting is None:
        return False
    approval.asked.filter(closed=False).update(closed=True)
    approval.asked.filter(stage=waiting.stage).update(closed=False, since=now)
    asks = [a for a in approval.asks if a.get("stage", 0) == waiting.stage]
    dues = [d for a in asks if (d := deadline(a, config, now))]
    Approval.objects.filter(pk=approval.pk).update(due_at=min(dues, default=None))
    return True


def _stage(approval: Approval) -> int:
    open_now = approval.asked.filter(closed=False).order_by("-stage").first()
    return open_now.stage if open_now else 0
