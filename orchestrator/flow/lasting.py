"""How long an outside agent may have a run (`seconds_per_run`), but for the time in which people decide or pause it."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents import gate
from agents.models import Agent, Proposal, Run
from cases import rows
from cases.models import Case

LIMIT = "seconds_per_run"


def over_at(case: Case, run: Run, agent: Agent, now: datetime) -> datetime | None:
    """When the run will have lasted too long, as of now; None: it may last for ever. Later with each proposal, from its
    making to its end, and with the last pause of each switch that stops the agent here.
    """
    if agent.limits.get(LIMIT) is None:
        return None
    rows.settle(Proposal)
    waits = [(begun, ended or now) for begun, ended in _asked(run)]
    for switch in gate.switches(case, agent):
        if switch.since is not None:
            waits.append((switch.since, now if switch.paused or switch.at is None else switch.at))
    waited, until = timedelta(), run.started_at
    for begun, ended in sorted(waits):  # several may keep it waiting at one time: that counts once
        begun = max(begun, until)
        if ended > begun:
            waited, until = waited + (ended - begun), ended
    return run.started_at + timedelta(seconds=agent.limits[LIMIT]) + waited


def _asked(run: Run) -> list[tuple[datetime, datetime | None]]:
    return list(Proposal.objects.filter(run=run).values_list("created_at", "ended_at"))


def words(agent: Agent) -> str:
    return _("The run took longer than %(n)s seconds.") % {"n": agent.limits[LIMIT]}
