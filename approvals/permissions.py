"""Who may decide, undo, confirm and publish. One predicate each; queries and buttons use the same ones."""

from typing import Any

from approvals.models import Approval, Asked, Decision
from cases.models import Team


def asked_as(user: Any, approval: Approval) -> Asked | None:
    """The asked team through which `user` may decide now; None if none.

    Not the one who asked for it, nor who opened the case, nor twice. An exclusive approval takes one answer of a
    person over all its stages.
    """
    if not user.is_active or _is_own(user, approval):
        return None
    if Decision.objects.filter(approval=approval, user=user, undone_at=None).exists():
        return None
    asked = Asked.objects.filter(approval=approval, closed=False, team__group__user=user).select_related("team")
    return asked.order_by("stage", "id").first()


def can_decide(user: Any, approval: Approval) -> bool:
    return approval.state == Approval.State.WAITING and asked_as(user, approval) is not None


def can_undo(user: Any, approval: Approval) -> bool:
    """Whoever decided may take it back while the hold lasts."""
    return Decision.objects.filter(approval=approval, user=user, undone_at=None).exists()


def is_lead(user: Any) -> bool:
    """Leads of any team may pause AI."""
    return bool(user.is_active and Team.objects.filter(leads=user, retired=False).exists())


def _is_own(user: Any, approval: Approval) -> bool:
    """Nobody approves their own request: who proposed it, or who handed the request in."""
    return user.pk in (approval.proposal.proposer_user_id, approval.case.opened_by_id)
