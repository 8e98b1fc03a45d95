"""Whether everybody who is needed has agreed: asked teams, people who were added, earlier answers.

`beside` asks for all of it in one question; `agreed` is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef

from agents.glance import COLUMNS, Glance, seen
from approvals.models import Approval, Decision, Named
from cases import rows


@dataclass(frozen=True)
class AskedTeam:
    """One team that was asked, as its row says."""

    team: str
    people: int
    stage: int
    closed: bool
    passed_up_from: str
    since: datetime


@dataclass(frozen=True)
class Beside:
    """What stands beside an approval while its row is locked. `own_hold`: seconds the person set for themselves."""

    asked: list[AskedTeam]
    named: list[Named]
    decisions: list[Decision]
    own_hold: int
    glance: Glance

    @property
    def stage(self) -> int:
        """The stage that is open now."""
        return max((one.stage for one in self.asked if not one.closed), default=0)

    @property
    def has_next_stage(self) -> bool:
        return any(one.closed and one.stage > self.stage for one in self.asked)


# Whether a named person is active and of the team still through which they could be asked.
HERE = Exists(User.objects.filter(pk=OuterRef("user"), is_active=True, groups=OuterRef("team__group")))
_BESIDE = f"""
SELECT ARRAY(
  SELECT json_build_array(t.name, a.people, a.stage, a.closed, a.passed_up_from, a.since)
  FROM approvals_asked a JOIN cases_team t ON t.id = a.team_id WHERE a.approval_id = $1::uuid ORDER BY a.id),
EXISTS (SELECT FROM approvals_named WHERE approval_id = $1::uuid),
EXISTS (SELECT FROM approvals_decision WHERE approval_id = $1::uuid AND undone_at IS NULL),
(SELECT hold_seconds FROM cases_person WHERE user_id = $2::integer),
{COLUMNS}"""  # noqa: S608


def beside(approval: Approval, user_id: int | None) -> Beside:
    """Read under the lock. With nobody named and no earlier answer, as mostly, it is one question."""
    asked, has_named, has_decisions, own_hold, *glance = rows.execute(
        _BESIDE, [str(approval.pk), rows.text_of(user_id)]
    )[0]
    return Beside(
        asked=[_team(*one) for one in asked],
        named=_named(approval) if has_named else [],
        decisions=list(approval.decisions.filter(undone_at=None).order_by("id")) if has_decisions else [],
        own_hold=own_hold or 0,
        glance=seen(glance),
    )


def _named(approval: Approval) -> list[Named]:
    found = list(approval.named.select_related("team").annotate(is_here=HERE))
    for one in found:
        one.here = one.is_here
    return list(found)


def _team(team: str, people: int, stage: int, closed: bool, passed_up_from: str, since: str) -> AskedTeam:
    return AskedTeam(team, people, stage, closed, passed_up_from, datetime.fromisoformat(since))


def agreed(beside: Beside, decisions: Sequence[Decision]) -> bool:
    """Whether every team of the open stage has the people it needs, and everybody who was added has agreed.

    A team above answers for the one below it, and so does a person to whom it was passed on. Who was added counts
    beside the team's people, never as one of them; who left without an answer is waited for no more. An answer to an
    earlier stage counts for none after it.
    """
    added = {one.user_id for one in beside.named if one.kind == Named.Kind.ADDED}
    answered = {d.covering_id or d.user_id for d in decisions}
    if {one.user_id for one in beside.named if one.here} & added - answered:
        return False
    counted = [d for d in decisions if (d.covering_id or d.user_id) not in added]
    return all(
        len(_agreeing(one, beside, counted)) >= one.people
        for one in beside.asked
        if not one.closed and not one.passed_up_from
    )


def _agreeing(one: AskedTeam, beside: Beside, decisions: Sequence[Decision]) -> set[Any]:
    """Who agreed for this team: its people, those of a team it was passed up to, and who stands in for it."""
    teams = {one.team, *(other.team for other in beside.asked if other.passed_up_from == one.team)}
    stand_ins = {n.user_id for n in beside.named if n.kind == Named.Kind.PASSED and n.stands_for == one.team}
    fresh = [d for d in decisions if not one.stage or d.at > one.since]
    return {d.user_id for d in fresh if d.team in teams or (d.covering_id or d.user_id) in stand_ins}
