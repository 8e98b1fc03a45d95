"""Every change of a notice: reserved once, claimed by one worker, ended once. Guarded by the write itself.

A row is made before anything is sent, so a crash tells nobody twice. If nobody knows whether a notice went out, it is
sent once more and then left.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import connection, transaction

from orchestrator.notices.models import Notice
from orchestrator.notices.planning import Plan

S = Notice.State
MOVES: dict[str, frozenset[str]] = {
    S.RESERVED: frozenset({S.SENDING}),
    S.SENDING: frozenset({S.SENDING, S.RESERVED, S.SENT, S.FAILED, S.UNKNOWN, S.DROPPED}),
    S.DROPPED: frozenset({S.RESERVED}),
    S.SENT: frozenset(),
    S.FAILED: frozenset(),
    S.UNKNOWN: frozenset(),
}
LEASE = timedelta(minutes=3)  # longer than sending one can take
AGAIN = timedelta(minutes=5)
LONGEST_MINUTES = 15
MOST_BLIND = 1  # so often it may be sent again though it may have gone out
PLANNING = 7_310_441  # of the advisory lock: one worker plans at a time
Ended = Literal["sent", "failed", "unknown", "not_sent", "dropped"]


def only_one_plans() -> bool:
    """Whether this transaction may plan; another one that does is enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [PLANNING])
        return bool(cursor.fetchone()[0])


def reserve(plans: Sequence[Plan], *, now: datetime, **to: int) -> None:
    """Make the rows of what `to` (`user_id` or `hook_id`) is to be told. What is there already stays as it is."""
    rows = [
        Notice(item=plan.item, kind=plan.kind, covers=list(plan.covers), try_at=now, reserved_at=now, **to)
        for plan in plans
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    for plan in plans:  # dropped because it was not so for a while, and is so again
        again = Notice.objects.filter(item=plan.item, kind=plan.kind, state=S.DROPPED, **to)
        again.update(state=S.RESERVED, covers=list(plan.covers), try_at=now, reserved_at=now, ended_at=None, tries=0)


def claim(now: datetime, *, mails: bool, hooks: bool) -> Notice | None:
    """The next notice to be sent, as this worker's; None if there is none. One whose worker was lost is sent once
    more, then left as unknown.
    """
    ready = Notice.objects.filter(state__in=[S.RESERVED, S.SENDING], try_at__lte=now)
    if not mails:
        ready = ready.filter(user=None)
    if not hooks:
        ready = ready.filter(hook=None)
    while True:
        with transaction.atomic():
            row = ready.select_for_update(skip_locked=True, of=("self",)).order_by("try_at", "pk").first()
            if row is None:
                return None
            lost = row.state == S.SENDING
            if lost and row.blind >= MOST_BLIND:
                _move(row, S.UNKNOWN, ended_at=now, error="the worker was lost while sending")
                continue
            _move(row, S.SENDING, tries=row.tries + 1, blind=row.blind + lost, try_at=now + LEASE)
            return row


def settle(row: Notice, how: Ended, *, now: datetime, error: str = "") -> None:
    """Store how sending ended, if the row is still this worker's."""
    changes: dict[str, Any] = {"error": error[:300]}
    if how == "not_sent":
        wait = timedelta(minutes=min(2 ** min(row.tries, 6), LONGEST_MINUTES))
        _move(row, S.RESERVED, try_at=now + wait, **changes)
    elif how == "unknown" and row.blind < MOST_BLIND:
        _move(row, S.RESERVED, blind=row.blind + 1, try_at=now + AGAIN, **changes)
    else:
        _move(row, S(how), ended_at=now, **changes)


def _move(row: Notice, to: str, **changes: Any) -> None:
    """One guarded move; a row that another worker has by now is left alone."""
    if to not in MOVES[row.state]:
        return
    mine = Notice.objects.filter(pk=row.pk, state=row.state, tries=row.tries)
    if mine.update(state=to, **changes):
        row.state = to
        for name, value in changes.items():
            setattr(row, name, value)
