"""A person's own list: put an approval aside for a while, take it back, watch it. Nobody else's list changes."""

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from approvals.models import Approval, Attention
from approvals.permissions import can_decide
from approvals.selectors import no_right, seen
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect, NoRight

LONGEST = timedelta(days=366)  # also where no deadline bounds it: what is far enough off no page can show any more


def snooze(*, actor: Actor, approval_id: Any, until: datetime | None) -> None:
    """Put aside what waits for oneself, until a time before its deadline, or (None) until something changes.

    It comes back at the time, at the deadline, or when somebody does something to it, whichever is first.
    """
    approval = seen(actor, approval_id)
    if actor.user is None or not can_decide(actor.user, approval):
        raise no_right(actor, approval)
    now = database_now()
    if until is not None and until <= now:
        raise Incorrect(_("Choose a time to come."), fields={"until": []})
    if until is not None and until > now + LONGEST:
        raise Incorrect(_("Choose a time within a year."), fields={"until": []})
    if until is not None and approval.due_at is not None and until >= approval.due_at:
        raise Incorrect(_("Choose a time before it is due."), fields={"until": []})
    if approval.due_at is not None and approval.due_at <= now:
        raise Incorrect(_("It is overdue already and cannot be put aside."), fields={"until": []})
    put_aside(approval, actor.user_id, until=until, now=now)


def wake(*, actor: Actor, approval_id: Any) -> None:
    """Take back what one put aside."""
    approval = seen(actor, approval_id)
    Attention.objects.filter(approval=approval, user=actor.user_id).update(snoozed_at=None, until=None)


def watch(*, actor: Actor, approval_id: Any, on: bool) -> None:
    """Keep an approval that one sees in a list of one's own, whoever decides it. It gives no right."""
    approval = seen(actor, approval_id)
    if actor.user_id is None:
        raise NoRight
    Attention.objects.update_or_create(approval=approval, user_id=actor.user_id, defaults={"watching": on})


def put_aside(approval: Approval, user_id: int | None, *, until: datetime | None, now: datetime) -> None:
    Attention.objects.update_or_create(
        approval=approval, user_id=user_id or 0, defaults={"snoozed_at": now, "until": until}
    )
