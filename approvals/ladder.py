"""Which team is asked next where nobody decides in time. Pure: `transitions` moves it, and the page says it before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.models import Approval, Asked


@dataclass(frozen=True)
class Step:
    """`asked` let its time pass, so that the team `to` is asked as well. `root`: the team the rule had asked."""

    asked: Asked
    root: str
    to: str
    within: Any  # how long they have: as the rule says, else as long as who was asked first
    calendar: Any


def steps(approval: Approval, asked: Sequence[Asked], lines: Mapping[str, str]) -> list[Step]:
    """What passing up does to the asks that are open. `asked`: with their teams; `lines`: team -> the team above it.

    As the rule said when it was raised, else to the team above; never to one that is asked in the same stage already.
    """
    open_now = [one for one in asked if not one.closed]
    names = {one.team.name for one in open_now}
    frozen = {(one["team"], one.get("stage", 0)): one for one in approval.asks}
    found = []
    for one in open_now:
        root = one.passed_up_from or one.team.name
        ask: Mapping[str, Any] = frozen.get((root, one.stage), {})
        plan: Mapping[str, Any] = {} if one.passed_up_from else ask.get("if_nobody") or {}
        name = plan.get("pass_to") or lines.get(one.team.name)
        if name and name not in names:
            within = plan.get("within") or ask.get("within")  # the ladder goes on: nobody may be there on this rung
            found.append(Step(one, root, name, within, plan.get("calendar") or ask.get("calendar")))
    return found


def way_up(team: str, lines: Mapping[str, str], manned: Collection[str]) -> list[str]:
    """`team` and those above it, as far as the first in which somebody is: that is how far it passes by itself."""
    way = [team]
    while way[-1] not in manned and (above := lines.get(way[-1])) and above not in way:
        way.append(above)
    return way
