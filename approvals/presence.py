"""Who is looking at an approval now, and what changed since one opened it. In the cache alone, and lost with it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache

from approvals.models import Approval

LOOKING = timedelta(minutes=2)
OPENED_SECONDS = 30 * 86_400


def look(user: Any, approval: Approval, now: datetime) -> list[str]:
    """Note that `user` looks at it; returns the names of the others who do."""
    key = _looking(approval)
    others = {pk: one for pk, one in (cache.get(key) or {}).items() if pk != user.pk and one[1] > now - LOOKING}
    cache.set(key, {**others, user.pk: (user.get_full_name() or user.username, now)}, LOOKING.total_seconds())
    cache.set(_opened(user, approval), _stamp(approval), OPENED_SECONDS)
    return sorted(name for name, _at in others.values())


def mark(user: Any, approvals: Iterable[Approval], now: datetime) -> None:
    """Put on each row of a list who else looks at it, and whether it changed since `user` opened it. No query."""
    rows = list(approvals)
    known = cache.get_many([_looking(row) for row in rows] + [_opened(user, row) for row in rows])
    for row in rows:
        seen = known.get(_looking(row)) or {}
        names = [name for pk, (name, at) in seen.items() if pk != user.pk and at > now - LOOKING]
        row.lookers = ", ".join(sorted(names))
        opened = known.get(_opened(user, row))
        row.changed_since = opened is not None and opened != _stamp(row)


def _stamp(approval: Approval) -> str:
    """Changes with everything a person did to it."""
    return f"{approval.state} {approval.changed_at} {approval.decided_at} {approval.fingerprint}"


def _looking(approval: Approval) -> str:
    return f"approvals:looking:{approval.pk}"


def _opened(user: Any, approval: Approval) -> str:
    return f"approvals:opened:{user.pk}:{approval.pk}"
