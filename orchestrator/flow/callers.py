"""Who calls from outside the flow: an outside agent in its open run, or a person. What both must keep to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from agents import configuration, gate, transitions
from agents.configuration import Configuration
from agents.errors import NotOpen, Refused
from agents.facts import FactFinder
from agents.finding import finder_for, stored_facts
from agents.models import Agent, Run
from agents.reading import Reader
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight, NotFound, TurnPassed, WrongState
from cases.models import Case
from cases.permissions import can_see, can_work
from cases.plainly import plain
from cases.transitions import Draft
from orchestrator.flow import lasting


@dataclass
class Caller:
    """Who calls, on which case, in which run (outside agents have one)."""

    actor: Actor
    case: Case
    config: Configuration
    now: datetime
    agent: Agent | None = None
    run: Run | None = None
    reader: Reader = field(default_factory=Reader)

    @property
    def step(self) -> str:
        return self.run.step if self.run else ""

    def finder(self, *, fresh: bool = False) -> FactFinder:
        type_ = self.config.type_of(self.case)
        given = {} if fresh or type_ is None else stored_facts(self.case, type_, self.config)
        agent_id = self.agent.pk if self.agent else None
        return finder_for(self.case, self.config, self.reader, now=self.now, given=given, agent_id=agent_id)


def caller_of(actor: Actor, case_id: int) -> Caller:
    case = Case.objects.select_related("type").filter(pk=case_id).first()
    config = configuration.current()
    now = database_now()
    missing = NotFound()
    if actor.kind == "agent":
        agent = config.agents.get(actor.agent_id or 0)
        if case is None or agent is None:
            raise missing
        return Caller(actor, case, config, now, agent=agent, run=_open_run(case, agent, config, missing))
    if case is None or not actor.is_person or not can_see(actor.user, case):
        raise missing
    if not can_work(actor.user, case):
        raise NoRight(_("You can see this case, but its team works on it. Nothing was done."))
    if case.type is None:
        raise WrongState(_("Sort the case first: nobody knows its type yet. Nothing was changed."))
    return Caller(actor, case, config, now)


def _open_run(case: Case, agent: Agent, config: Configuration, missing: NotFound) -> Run:
    """The agent's open run in the present turn; too early is another answer than never."""
    run = Run.objects.filter(case=case, agent=agent, turn=case.turn, state=Run.State.OPEN).first()
    if run is not None and case.holder_kind == Case.Holder.AI:
        return run
    type_ = config.type_of(case)
    steps = type_.steps.values() if type_ else []
    mine = [s for s in steps if s.work and s.work.agent_id == agent.pk]
    if any(case.steps.get(s.name, {}).get("state", "waiting") == "waiting" for s in mine) and case.ai_may_act:
        raise NotOpen(retry_after=2)
    had = Run.objects.filter(case=case, agent=agent)
    if had.exists() and not had.filter(turn=case.turn, state=Run.State.DONE).exists():
        raise TurnPassed(turn=case.turn)
    raise missing


def within_run(caller: Caller) -> None:
    """An outside agent's caps: calls and seconds of a run. Over them the case goes to a person."""
    if caller.run is None or caller.agent is None:
        return
    Run.objects.filter(pk=caller.run.pk).update(calls=F("calls") + 1)
    calls = Run.objects.values_list("calls", flat=True).get(pk=caller.run.pk)  # others may call at this moment
    most = caller.agent.limits.get("calls_per_run")
    over = lasting.over_at(caller.case, caller.run, caller.agent, caller.now)
    why = ""
    if most is not None and calls > most:
        why = _("The agent made more than %(n)s calls in one run.") % {"n": most}
    elif over is not None and over < caller.now:
        why = lasting.words(caller.agent)
    if why:
        _over_limit(caller, {"code": "limit", "step": caller.step, "why": why})
        raise Refused(why, reason="limit")


def may_write(caller: Caller) -> None:
    """Take the case over before you change something for it; notes and reads are always possible."""
    if caller.agent is None and caller.case.holder_user_id != caller.actor.user_id:
        raise WrongState(_("Take the case over first: it is not with you. Nothing was done."))


def still_theirs(caller: Caller, system: str | None = None) -> tuple[Case, datetime]:
    """The locked case, if the turn (and the agent's run) still hold and no pause (of `system` either) stops it.

    An agent's holds only while the AI has the case: another step, beside this one, may have given it to people.
    """
    case = case_transitions.lock(caller.case.pk)
    if case.turn != caller.case.turn or not case.is_open:
        raise TurnPassed(turn=case.turn)
    if caller.run is not None and not (
        case.holder_kind == Case.Holder.AI and Run.objects.filter(pk=caller.run.pk, state=Run.State.OPEN).exists()
    ):
        raise TurnPassed(turn=case.turn)
    if caller.agent is not None:
        switch = gate.paused(case, caller.agent, system, share=True)
        if switch is not None:
            raise Refused(gate.pause_words(switch), reason="paused")
    return case, database_now()


def _over_limit(caller: Caller, why: dict[str, Any]) -> None:
    """Give the case to people; not where another call was first, or a pause keeps the agent off."""
    with transaction.atomic():
        case, now = still_theirs(caller)
        draft = Draft()
        give_to_people(draft, case, caller, why, now)
        draft.store(case, now=now)


def give_to_people(draft: Draft, case: Case, caller: Caller, why: dict[str, Any], now: datetime) -> None:
    assert caller.run is not None  # noqa: S101
    transitions.move_run(caller.run, Run.State.HANDED_OVER, now=now, result=plain(why))
    draft.add(steps=with_step(case, caller.step, "handed_over", caller.actor, {}, now))
    case_transitions.to_people(draft, case, actor=caller.actor, why={**why, "step": caller.step}, team=None)


def with_step(
    case: Case, step: str, state: str, actor: Actor, data: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    done = {
        "state": state,
        "at": now.isoformat(),
        "by": actor.label,
        "values": plain(data.get("values", {})),
        "option": "",
        "outcome": "",
    }
    return {**case.steps, step: done}
