"""Every change of an approval: guarded by the write, under the case lock, with its event. Time-out never approves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from agents.configuration import Configuration
from approvals.errors import AlreadyDecided
from approvals.models import Approval, Asked, Decision, Named
from approvals.raising import deadline, give_sight
from cases.actors import CONTROL, Actor
from cases.errors import NotFound, WrongState
from cases.ledger import Entry
from cases.models import Case

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
    if not Approval.objects.filter(pk=approval.pk, state=approval.state).update(**changes):
        approval.refresh_from_db()
        raise wrong_state(approval)
    for name, value in changes.items():
        setattr(approval, name, value)


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
        return WrongState(_("This was withdrawn: nobody has to decide it any more."), state=A.WITHDRAWN)
    return WrongState(_("This is not decided yet."), state=approval.state)


def stirred(approval: Approval, *, now: datetime, **changes: Any) -> None:
    """Somebody did something to a waiting approval: who put it aside until then sees it again."""
    Approval.objects.filter(pk=approval.pk).update(changed_at=now, **changes)


def lock(approval_id: Any) -> Approval:
    """The approval, locked after its case and proposal."""
    try:
        return Approval.objects.select_for_update(of=("self",)).select_related("proposal", "case").get(pk=approval_id)
    except (Approval.DoesNotExist, ValueError):
        raise NotFound from None


def withdraw(case: Case, *, actor: Actor, why: str, now: datetime, proposal_id: Any = None) -> list[Entry]:
    """Open approvals of a case (or of one proposal) need nobody any more."""
    rows = Approval.objects.select_for_update().filter(case=case, state=A.WAITING).order_by("pk")
    if proposal_id is not None:
        rows = rows.filter(proposal=proposal_id)
    entries = []
    for approval in rows:
        move(approval, A.WITHDRAWN)
        Asked.objects.filter(approval=approval, closed=False).update(closed=True)
        entries.append(
            Entry("approval.withdrawn", actor, {"approval": str(approval.pk), "title": approval.title, "why": why})
        )
    return entries


def pass_up(approval: Approval, config: Configuration, *, now: datetime) -> list[Entry]:
    """Nobody decided in time: the next team is asked as well. At the end of the ladder it stays with people."""
    asked = list(approval.asked.filter(closed=False).select_related("team__escalates_to"))
    entries: list[Entry] = []
    next_due: list[datetime] = []
    for one in asked:
        frozen: dict[str, Any] = next(
            (a for a in approval.asks if a["team"] == (one.passed_up_from or one.team.name)), {}
        )
        plan = (frozen.get("if_nobody") or {}) if not one.passed_up_from else {}
        name = plan.get("pass_to") or config.lines.get(one.team.name)
        if not name or any(a.team.name == name for a in asked):
            continue
        team = config.teams[name]
        root = one.passed_up_from or one.team.name
        Asked.objects.bulk_create(
            [Asked(approval=approval, team=team, people=one.people, stage=one.stage, since=now, passed_up_from=root)],
            ignore_conflicts=True,
        )
        give_sight(approval.case, {team.pk}, now=now)
        within = {"within": plan.get("within"), "calendar": plan.get("calendar") or frozen.get("calendar")}
        due = deadline(within, config, now)
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


def agreed(approval: Approval, decisions: Sequence[Decision]) -> bool:
    """Whether every team of the open stage has the people it needs, and everybody who was added has agreed.

    A team above answers for the one below it, and so does a person to whom it was passed on. Who was added counts
    beside the team's people, never as one of them.
    """
    named = list(approval.named.select_related("team"))
    added = {one.user_id for one in named if one.kind == Named.Kind.ADDED}
    answered = {d.covering_id or d.user_id for d in decisions}
    if added - answered:
        return False
    counted = [d for d in decisions if (d.covering_id or d.user_id) not in added]
    for one in approval.asked.filter(closed=False, passed_up_from="").select_related("team"):
        above = approval.asked.filter(Q(passed_up_from=one.team.name)).values_list("team__name", flat=True)
        stand_ins = {n.user_id for n in named if n.kind == Named.Kind.PASSED and n.stands_for == one.team.name}
        teams = {one.team.name} | set(above)
        agreeing = {d.user_id for d in counted if d.team in teams or (d.covering_id or d.user_id) in stand_ins}
        if len(agreeing) < one.people:
            return False
    return True
