"""Moves of a run of a rule on the past: waiting -> running -> done or failed. Each is guarded by the write itself.

A run is taken again when its worker gave no sign for `LOST_AFTER`; `claim` fences the late one.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet

from orchestrator.workmap.models import RuleTrial

LOST_AFTER = timedelta(minutes=5)  # without a sign of the worker that had it
State = RuleTrial.State


def claim(now: datetime) -> RuleTrial | None:
    """The oldest run that nobody has, now this worker's; None if there is none."""
    free = Q(state=State.WAITING) | Q(state=State.RUNNING, beat_at__lt=now - LOST_AFTER)
    for trial in RuleTrial.objects.filter(free).order_by("id")[:3]:
        same = RuleTrial.objects.filter(free, pk=trial.pk, claim=trial.claim)
        if same.update(state=State.RUNNING, claim=F("claim") + 1, done=0, beat_at=now):
            trial.claim += 1
            return trial
    return None


def mine(trial: RuleTrial) -> QuerySet[RuleTrial]:
    """The row, as long as it is this worker's."""
    return RuleTrial.objects.filter(pk=trial.pk, claim=trial.claim, state=State.RUNNING)


def finish(trial: RuleTrial, *, done: int, result: dict[str, Any], now: datetime) -> bool:
    """Done, with its sums; whether it still was this worker's."""
    return bool(mine(trial).update(state=State.DONE, total=done, done=done, ended_at=now, result=result))


def fail(trial: RuleTrial, *, now: datetime) -> bool:
    return bool(mine(trial).update(state=State.FAILED, ended_at=now))
