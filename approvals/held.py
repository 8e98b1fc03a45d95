"""Which decisions of a person can still be undone. A note in the cache spares the query on most pages."""

from datetime import datetime
from typing import Any

from django.core.cache import cache

from approvals.models import Approval

LONGEST_SECONDS = 310  # the longest hold, and a little


def remember(user: Any) -> None:
    """`user` just decided something that waits in its hold."""
    cache.set(_key(user), True, LONGEST_SECONDS)


def of(user: Any, now: datetime) -> list[Approval]:
    """Decided by `user`, still held at `now`, earliest end first. No query if nothing was decided lately."""
    if not cache.get(_key(user)):
        return []
    return list(
        Approval.objects.filter(
            state=Approval.State.DECIDED,
            hold_until__gt=now,
            decisions__user=user.pk,
            decisions__undone_at=None,
        ).order_by("hold_until")[:5]
    )


def _key(user: Any) -> str:
    return f"approvals:held:{user.pk}"
