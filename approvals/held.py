"""Which decisions of a person can still be undone. A note in the cache spares the query on most pages."""

from datetime import datetime
from typing import Any

from django.core.cache import cache

from agents import configuration
from approvals.models import Approval
from approvals.raising import customer_name, title_of_option

LONGEST_SECONDS = 310  # the longest hold, and a little


def remember(user: Any) -> None:
    """`user` just decided something that waits in its hold."""
    cache.set(_key(user), True, LONGEST_SECONDS)


def of(user: Any, now: datetime) -> list[Approval]:
    """Decided by `user`, still held at `now`, earliest end first. No query if nothing was decided lately."""
    if not cache.get(_key(user)):
        return []
    rows = Approval.objects.filter(
        state=Approval.State.DECIDED,
        hold_until__gt=now,
        decisions__user=user.pk,
        decisions__undone_at=None,
    )
    rows = rows.select_related("case__type", "proposal").prefetch_related("proposal__writes")
    return [_as_decided(row) for row in rows.order_by("hold_until")[:5]]


def _as_decided(row: Approval) -> Approval:
    """Under the title of what was decided: its own names what was suggested, which may be the very opposite."""
    if row.decided:
        writes = list(row.proposal.writes.all())
        row.title = title_of_option(row.decided, customer_name(row.case), writes, configuration.current())
    return row


def _key(user: Any) -> str:
    return f"approvals:held:{user.pk}"
