"""Runs of a rule over any period of the past, in a worker: what waits stands in PostgreSQL, a killed run begins again.

Cases stream by in parts of `past.CHUNK`; after each the row says how far it is, which the page shows.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from agents.configuration import current
from approvals.live_rules import live_rules
from cases.actors import Actor
from orchestrator.workmap.models import RuleTrial
from orchestrator.workmap.records import Record
from orchestrator.workmap.ruling import past, transitions
from orchestrator.workmap.ruling.replaying import Replay, spec_of

MOST_LINES = 200  # of the newest proposals that go another way, kept with the run

logger = logging.getLogger(__name__)


def start(*, actor: Actor, rule: Record, since: datetime, until: datetime, now: datetime) -> RuleTrial:
    """Put a run on the list. The worker looks there every few seconds."""
    return RuleTrial.objects.create(
        rule=rule, since=since, until=until, by=actor.user, by_label=actor.label, created_at=now
    )


def work(*, now: Callable[[], datetime]) -> None:
    """Take the oldest run that nobody has, and do it."""
    trial = transitions.claim(now())
    if trial is None:
        return
    try:
        _run(trial, now)
    except Exception:
        logger.exception("A rule could not be tried on the past", extra={"trial": trial.pk})
        transitions.fail(trial, now=now())


def _run(trial: RuleTrial, now: Callable[[], datetime]) -> None:
    config = current()
    spec = spec_of(trial.rule)
    types = [t.row.pk for t in config.types.values() if not spec.types or t.row.name in spec.types]
    proposals = past.in_period(types, trial.since, trial.until)
    transitions.mine(trial).update(total=proposals.count())
    today = now().astimezone(config.zone).date()
    replay = Replay(config, live_rules(config), name=spec.name, changed=spec, today=today, most_lines=MOST_LINES)
    done = 0
    for part in past.chunks(proposals):
        read = past.read(part, config)
        replay.add(read)
        done += len(read)
        if not transitions.mine(trial).update(done=done, beat_at=now()):
            return  # another worker has it
    transitions.finish(trial, done=done, result=replay.result.as_json(), now=now())
