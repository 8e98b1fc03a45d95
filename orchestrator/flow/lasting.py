"""How long an outside agent may have a run (`seconds_per_run`). While people decide, its time stands still."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents.models import Proposal, Run
from cases import rows


def over_at(run: Run, seconds: float, now: datetime) -> datetime:
    """When the run will have lasted `seconds`, as of now: later with each proposal, from its making to its end."""
    rows.settle(Proposal)
    waited, until = timedelta(), run.started_at
    asked = Proposal.objects.filter(run=run).order_by("created_at").values_list("created_at", "ended_at")
    for begun, ended in asked:  # several may wait at one time: that counts once
        begun, ended = max(begun, until), ended or now
        if ended > begun:
            waited, until = waited + (ended - begun), ended
    return run.started_at + timedelta(seconds=seconds) + waited


def words(seconds: float) -> str:
    return _("The run took longer than %(n)s seconds.") % {"n": seconds}
