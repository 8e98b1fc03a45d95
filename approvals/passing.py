"""Pass an approval on to somebody, or add an approver. Only people who could be asked; it never loosens.

Who is added must agree as well, beside the people that the rules ask for. Who it is passed on to may answer for the
asked team, being of it or of a team above it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from agents import configuration
from approvals import attention, transitions
from approvals.acting import ADD_SIGHT_OF_CASE, label
from approvals.models import Approval, Asked, Decision, Named
from approvals.questions import waiting_for
from approvals.selectors import seen
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect, WrongState
from cases.ledger import Entry
from cases.models import Case, CaseSight, Team
from cases.plainly import plain


@dataclass(frozen=True)
class Place:
    """Through which team somebody could be asked, and the asked team whose answer theirs would be."""

    team: Team
    stands_for: str


def add_approver(*, actor: Actor, approval_id: Any, user_id: int, reason: str = "") -> Named:
    """One more person must agree. Refused where too few of an asked team would be left for its own answer."""
    return _name(actor, approval_id, user_id, Named.Kind.ADDED, reason)


def pass_on(*, actor: Actor, approval_id: Any, user_id: int, reason: str = "") -> Named:
    """Give it to somebody else to decide; it leaves one's own list until something changes."""
    return _name(actor, approval_id, user_id, Named.Kind.PASSED, reason)


def could_be_asked(approval: Approval, *, leave_out: int | None) -> list[tuple[User, Place]]:
    """Members of the open asked teams and of the teams above, who are not barred and not named already."""
    lines = configuration.current().lines
    places: dict[int, Place] = {}
    teams = {team.name: team for team in Team.objects.filter(retired=False)}
    open_now = list(approval.asked.filter(closed=False).select_related("team").order_by("stage", "pk"))
    for asked in open_now:  # who is asked themselves answers for their own team, and stands in for none below it
        if not asked.passed_up_from:
            places[asked.team.group_id] = Place(asked.team, asked.team.name)
    for asked in open_now:
        name: str | None = asked.team.name
        met: set[str] = set()
        while name and name in teams and name not in met:
            met.add(name)
            places.setdefault(teams[name].group_id, Place(teams[name], asked.passed_up_from or asked.team.name))
            name = lines.get(name)
    barred = {leave_out, approval.proposal.proposer_user_id, approval.case.opened_by_id}
    given = Decision.objects.filter(approval=approval, undone_at=None).values_list("user_id", "covering_id")
    barred |= {pk for pair in given for pk in pair}
    barred |= set(approval.named.values_list("user_id", flat=True))
    rows = User.objects.filter(is_active=True, groups__in=places).prefetch_related("groups")
    found = []
    for user in rows.distinct().order_by("first_name", "last_name", "username"):
        own = {group.pk for group in user.groups.all()}
        place = next((place for group, place in places.items() if group in own), None)
        if place is not None and user.pk not in barred:
            found.append((user, place))
    return found


def _name(actor: Actor, approval_id: Any, user_id: int, kind: Named.Kind, reason: str) -> Named:
    approval = seen(actor, approval_id)
    with transaction.atomic():
        case = case_transitions.lock(approval.case_id)
        approval = waiting_for(actor, approval.pk)
        now = database_now()
        found = {user.pk: (user, place) for user, place in could_be_asked(approval, leave_out=actor.user_id)}
        if user_id not in found:
            raise Incorrect(
                _("Choose somebody of the teams asked, or of a team above, who has no part in it yet."),
                fields={"user": []},
            )
        user, place = found[user_id]
        if kind == Named.Kind.ADDED and not _enough_left(approval, user):
            raise WrongState(_("Too few people would be left to decide beside them. Nothing was changed."))
        row = Named.objects.create(
            approval=approval,
            user=user,
            kind=kind,
            team=place.team,
            stands_for=place.stands_for,
            by_label=actor.label,
            reason=plain(reason).strip()[:300],
            at=now,
        )
        transitions.stirred(approval, now=now)
        if kind == Named.Kind.PASSED:
            attention.put_aside(approval, actor.user_id, until=None, now=now)
        _record(actor, case, approval, row, now)
    return row


def _enough_left(approval: Approval, added: User) -> bool:
    """Whether each open team still has the people it needs without those who are added."""
    named = set(approval.named.filter(kind=Named.Kind.ADDED).values_list("user_id", flat=True)) | {added.pk}
    barred = named | {approval.proposal.proposer_user_id, approval.case.opened_by_id}
    for one in Asked.objects.filter(approval=approval, closed=False, passed_up_from="").select_related("team"):
        members = User.objects.filter(groups=one.team.group_id, is_active=True)
        if len(set(members.values_list("pk", flat=True)) - barred) < one.people:
            return False
    return True


def _record(actor: Actor, case: Case, approval: Approval, row: Named, now: datetime) -> None:
    CaseSight.objects.bulk_create(
        [CaseSight(case=case, user=row.user, reason="asked", at=now)],
        update_conflicts=True,
        unique_fields=["case", "team", "user"],
        update_fields=["reason"],
    )
    with connection.cursor() as cursor:
        cursor.execute(ADD_SIGHT_OF_CASE, [case.pk, case.pk])
    data = {
        "approval": str(approval.pk),
        "title": approval.title,
        "to": label(row.user.username, row.user.first_name, row.user.last_name),
        "team": row.team.name,
        "reason": row.reason,
    }
    code = "approval.approver_added" if row.kind == Named.Kind.ADDED else "approval.passed_on"
    case_transitions.save(case, [Entry(code, actor, data)], now=now)
