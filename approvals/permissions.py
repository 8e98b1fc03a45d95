"""Who may decide, undo, confirm and publish. One predicate each; queries and buttons use the same ones."""

from typing import Any

from approvals.acting import Turn, turns
from approvals.models import Approval, Decision, StandingApproval
from cases.models import Team


def asked_as(user: Any, approval: Approval) -> Turn | None:
    """The asked team through which `user` may decide now, and whether by cover; None if in no way.

    Not the one who asked for it, nor who opened the case, nor twice, nor for somebody of whom one of these holds.
    """
    found = turns(user, approval.pk)
    return found[0] if found else None


def can_decide(user: Any, approval: Approval) -> bool:
    return approval.state == Approval.State.WAITING and asked_as(user, approval) is not None


def can_undo(user: Any, approval: Approval) -> bool:
    """Whoever decided may take it back while the hold lasts."""
    return Decision.objects.filter(approval=approval, user=user, undone_at=None).exists()


def is_lead(user: Any) -> bool:
    """Leads of any team may pause AI."""
    return bool(user.is_active and Team.objects.filter(leads=user, retired=False).exists())


def can_end_standing(user: Any, row: StandingApproval) -> bool:
    """Pausing and withdrawing only tighten: the named person, whoever leads a team, an admin."""
    return bool(user.is_active and (user.username == row.by or user.is_superuser or is_lead(user)))


def can_arrange_cover(user: Any, of: Any) -> bool:
    """One's own cover; an admin for anybody; a lead for who is in no team but those the lead leads.

    A lead of only some of somebody's teams would hand on authority that is not theirs to hand on.
    """
    if not user.is_active:
        return False
    if user.pk == of.pk or user.is_superuser:
        return True
    teams = Team.objects.filter(group__user=of.pk, retired=False)
    return teams.exists() and not teams.exclude(leads=user.pk).exists()


def can_fill_position(user: Any) -> bool:
    """Only an admin may lay down who answers for a team in which nobody is left."""
    return bool(user.is_active and user.is_superuser)
