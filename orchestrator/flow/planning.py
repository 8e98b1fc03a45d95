"""Who acts next on one case, worked out under its lock: claims one piece of work, sets status and wake-up time.

`wake_at` is now if something else can be done too, else the earliest end of a lease, retry, hold, permit, deadline
or due time; null if nothing is to come. Calls no system.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from agents import executor, gate, transitions
from agents.configuration import Configuration, StepConfig
from agents.facts import FactFinder
from agents.finding import finder_for, stored_facts
from agents.glance import COLUMNS, Glance, seen
from agents.models import Agent, Proposal, Run, Write
from agents.reading import Reader
from agents.stored import with_writes
from agents.stretch import LEASE
from approvals import raising
from approvals import transitions as approval_transitions
from approvals.judging import FactLook
from approvals.models import Approval
from cases import conditions, rows
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.ledger import Entry
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow import lasting
from orchestrator.flow.giving_up import TRIES, give_up, hand_over, is_spent

W, S = Write.State, Case.Status
DONE = ("done", "skipped")
_OPEN = "p.case_id = $1 AND p.state IN ('waiting', 'held', 'permitted', 'unknown')"
_THERE = f"""
ARRAY(SELECT id FROM agents_proposal p WHERE {_OPEN}),
EXISTS (SELECT FROM approvals_approval WHERE case_id = $1 AND state = 'decided'),
EXISTS (
  SELECT FROM agents_write
  WHERE case_id = $1 AND proposal_id IS NULL AND state IN ('reserved', 'unknown', 'permitted')),
{COLUMNS}"""  # noqa: S608
_RUN_IDS = f"SELECT ARRAY(SELECT id FROM agents_run WHERE case_id = $1 AND turn = $2), {_THERE}"  # noqa: S608
_RUNS = f"SELECT {rows.columns(Run)}, {_THERE} FROM agents_run WHERE case_id = $1 AND turn = $2"  # noqa: S608
_RUN_COLUMNS = len(Run._meta.concrete_fields)


@dataclass(frozen=True)
class Job:
    """One claimed piece of work, to be done outside the transaction."""

    kind: Literal["prepare", "step", "carry"]
    case: Case
    run: Run | None = None
    proposal: Proposal | None = None
    step: str = ""
    glance: Glance | None = None
    now: datetime | None = None
    proposals: Mapping[Any, Proposal] = field(default_factory=dict)  # of the case, as they are known already
    over: Mapping[int, Run] = field(default_factory=dict)  # runs of steps that are through


@dataclass(frozen=True)
class Known:
    """Rows of the case as this transaction will have stored them, or that nobody else may change: they are not read."""

    runs: Mapping[int, Run] = field(default_factory=dict)
    proposals: Mapping[Any, Proposal] = field(default_factory=dict)


QUEUE_OF = {"prepare": "flow", "step": "agents", "carry": "writes"}


@dataclass
class Planner:
    """One look at one locked case by a worker that serves some queues; work for others is handed to them."""

    case: Case
    draft: Draft
    glance: Glance
    now: datetime
    serves: frozenset[str]
    known: Known = Known()
    job: Job | None = None
    more: list[str] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    proposals: list[Proposal] = field(default_factory=list)
    decided: bool = False  # whether people decided anything here
    has_lone: bool = False
    lone: list[Write] = field(default_factory=list)  # of a call, or of a step that is not done again

    @property
    def config(self) -> Configuration:
        return self.glance.config

    def plan(self, first: Callable[["Planner"], None] | None = None) -> Job | None:
        """Claim at most one job; store what follows in the draft. `first` is done once it is known what there is."""
        self._look()
        if first is not None:
            first(self)
        self._due_times()
        self._approvals()
        self._proposals()
        if self.case.is_open and self.value("holder_kind") == Case.Holder.AI and "status" not in self.draft.changes:
            self._ai()
        self._lone_writes()  # once it is known which steps are done again
        self._settle()
        return self.job

    # ------------------------------------------------------------------ what there is

    def value(self, name: str) -> Any:
        """A value of the case as this transaction will have stored it."""
        return self.draft.changes.get(name, getattr(self.case, name))

    def _look(self) -> None:
        """The runs of this turn and the open proposals: those in hand, if there are no others."""
        if self.case.status == S.RECEIVED:
            return  # nobody has worked on it yet
        there = self._there()
        self.decided, self.has_lone, self.glance = there[1], there[2], seen(there[3:])
        if self.known.proposals.keys() >= set(there[0]):
            self.proposals = [one for one in self.known.proposals.values() if one.state in Proposal.OPEN]
        else:
            self._read_proposals()

    def _there(self) -> Sequence[Any]:
        """Takes the runs, and returns what else there is: the columns of `_THERE`."""
        values = [str(self.case.pk), str(self.case.turn)]
        if self.known.runs:
            ids, *there = rows.execute(_RUN_IDS, values)[0]
            if self.known.runs.keys() >= set(ids):
                self.runs = {run.step: run for run in self.known.runs.values() if run.turn == self.case.turn}
                return there
            rows.send()
        found = rows.execute(_RUNS, values)
        for row in found:
            run = rows.made(Run, row)
            if run.agent_id in self.config.agents:
                rows.put_beside(run, "agent", self.config.agents[run.agent_id])
            self.runs[run.step] = run
        return found[0][_RUN_COLUMNS:] if found else rows.execute(_RUN_IDS, values)[0][1:]

    def _read_proposals(self) -> None:
        """The open ones with their writes, each with its operation."""
        self.proposals = with_writes(_OPEN, [str(self.case.pk)], self.case, self.config)

    def _due_times(self) -> None:
        if not self.case.is_open:
            return
        due = [t for t in (self.value("first_reply_due"), self.value("finish_due")) if t]
        if self.case.first_reply_at and self.value("first_reply_due"):
            due = [self.value("finish_due")] if self.value("finish_due") else []
        passed = [t for t in due if t <= self.now]
        if passed and self.case.late_since is None:
            self.draft.add(Entry("due.passed", CONTROL, {"due": min(passed)}), late_since=min(passed))
        self.times += [t for t in due if t > self.now]

    def _approvals(self) -> None:
        waiting = [p for p in self.proposals if p.state == Proposal.State.WAITING]
        if waiting and all(p.approval_due_at for p in waiting):  # asked in this very transaction
            self.times += [p.approval_due_at for p in waiting if p.approval_due_at]
            return
        if not waiting:
            return
        rows.settle(Approval)
        for approval in Approval.objects.filter(case=self.case, state="waiting").select_related("case"):
            if approval.due_at is None:
                continue
            if self._held_back(approval):
                continue
            if approval.due_at <= self.now:
                self.draft.add(*approval_transitions.pass_up(approval, self.config, now=self.now))
                approval.refresh_from_db(fields=["due_at"])
            if approval.due_at:
                self.times.append(approval.due_at)

    def _held_back(self, approval: Approval) -> bool:
        """Nothing that a pause covers passes up."""
        proposal = next((p for p in self.proposals if p.pk == approval.proposal_id), None)
        agent = proposal.proposer_agent if proposal else None
        return agent is not None and gate.paused(self.case, agent, None, glance=self.glance) is not None

    def _offer(self, kind: str, claim: Any) -> None:
        """Take the first piece of work that is ours; note what there is for another worker."""
        if self.job is not None or QUEUE_OF[kind] not in self.serves:
            self.more.append(QUEUE_OF[kind])
        else:
            self.job = claim()

    # ------------------------------------------------------------------ writes

    def _proposals(self) -> None:
        for proposal in self.proposals:
            writes = transitions.chosen_writes(proposal, proposal.loaded or ())
            open_ = next((w for w in writes if w.state not in Write.FINAL), None)
            if open_ is None or not proposal.decided:
                continue
            later = [t for t in (proposal.lease_until, open_.try_at, open_.hold_until) if t and t > self.now]
            if open_.state == W.RESERVED and open_.lease_until and open_.lease_until > self.now:
                later.append(open_.lease_until)
            if open_.state == W.UNKNOWN and executor.needs_person(open_, open_.operation):
                continue
            if later:
                self.times += later
                continue
            agent, system = proposal.proposer_agent, open_.operation.system.name
            if agent and gate.paused(self.case, agent, system, glance=self.glance):
                continue  # resuming wakes the case
            if is_spent(proposal):
                give_up(self, proposal)
                continue
            self._offer("carry", lambda proposal=proposal: self._claim_proposal(proposal))

    def _claim_proposal(self, proposal: Proposal) -> Job:
        transitions.claim_proposal(proposal, lease_until=self.now + LEASE)
        self.times.append(self.now + LEASE)
        return self._job("carry", proposal=proposal)

    def _job(self, kind: Literal["prepare", "step", "carry"], **what: Any) -> Job:
        proposals = {one.pk: one for one in (*self.known.proposals.values(), *self.proposals)}
        over = {run.pk: run for run in self.runs.values() if self._is_over(run)}
        return Job(kind, self.case, glance=self.glance, now=self.now, proposals=proposals, over=over, **what)

    def _is_over(self, run: Run) -> bool:
        return run.state == Run.State.DONE and (not run.step or self._state(run.step) in DONE)

    def _lone_writes(self) -> None:
        """Writes of no proposal that no recipe finds again: of an outside agent, a person, or a turn that passed."""
        if not self.has_lone:
            return
        open_ = [W.RESERVED, W.UNKNOWN, W.PERMITTED]
        begun = Write.objects.filter(case=self.case, proposal=None, state__in=open_, repaired={})
        for write in begun.select_related("operation__system"):
            if write.place and self._is_done_again(write):
                continue
            if write.state == W.PERMITTED:  # it was not done, and nobody sends it any more
                self.draft.add(executor.not_started(write, why="not_reached", words=write.error, now=self.now))
                continue
            self.lone.append(write)
            if write.state == W.RESERVED and write.lease_until and write.lease_until > self.now:
                self.times.append(write.lease_until)
            elif write.state == W.RESERVED:
                self.draft.add(executor.lost(write))
                if self.draft.changes.get("status") == S.WITH_PERSON:  # people got it at this moment
                    self.draft.add(status=S.REPAIR)

    def _is_done_again(self, write: Write) -> bool:
        """Whether a step will find the write that it began: not where people have the case, or after too many tries."""
        run = self.runs.get(write.step)
        held = self.value("holder_kind") == Case.Holder.AI and self.value("status") not in Case.CLOSED
        return held and write.turn == self.case.turn and run is not None and run.state == Run.State.OPEN

    # ------------------------------------------------------------------ the AI's part

    def _ai(self) -> None:
        if self.case.stage != Case.Stage.STEPS:
            self._own_part()
            return
        type_ = self.config.type_of(self.case)
        if type_ is None:
            return
        active = False
        people: StepConfig | None = None
        for step in type_.steps.values():
            if "status" in self.draft.changes:
                return  # people got the case at this moment: no other step begins
            state = self._state(step.name)
            if state in (*DONE, "handed_over"):
                continue
            if not self._ready(step):
                continue
            if not self._applies(step):
                continue
            if step.by_people:
                people = people or step
                continue
            active = True
            self._agent_step(step)
        if (
            not active
            and self.job is None
            and not self.more
            and self.case.is_open
            and "status" not in self.draft.changes
        ):
            self._nothing_left(people, list(type_.steps.values()))

    def _own_part(self) -> None:
        """The control layer's own: sort the request, find its facts. What a person is to sort is not tried twice."""
        run = self.runs.get("")
        if self.case.status == S.TRIAGE or (run is not None and run.state == Run.State.OPEN and self._leased(run)):
            return
        if run is not None and run.state == Run.State.OPEN and run.attempts >= TRIES:
            hand_over(self, run, {"code": "tried_too_often", "n": run.attempts})
            return
        self._offer("prepare", lambda: self._claim_run("", None))

    def _state(self, name: str) -> str:
        return str(self.value("steps").get(name, {}).get("state", "waiting"))

    def _ready(self, step: StepConfig) -> bool:
        return all(self._state(str(name)) in DONE for name in step.row.after)

    def _applies(self, step: StepConfig) -> bool:
        """Whether the step's condition holds. A false one is skipped; one that cannot be told asks a person."""
        if not step.row.when or self._state(step.name) == "open":
            return True
        finder = self._finder()
        outcome = conditions.judge(
            step.row.when, FactLook(finder, {}), zone=self.config.zone, currency=self.config.company.currency
        )
        if outcome.truth is True:
            return True
        if outcome.truth is None:
            why = {"code": "step_unclear", "step": step.name, "missing": outcome.unknown}
            case_transitions.to_people(self.draft, self.case, actor=CONTROL, why=why, team=None)
            return False
        steps = {
            **self.value("steps"),
            step.name: {"state": "skipped", "at": self.now.isoformat(), "by": "control layer"},
        }
        self.draft.add(Entry("step.skipped", CONTROL, {"step": step.name}), steps=steps)
        self.case.steps = steps
        return False

    def _finder(self) -> FactFinder:
        type_ = self.config.type_of(self.case)
        assert type_ is not None  # noqa: S101  # only asked for cases with a type
        reader = Reader()
        reader.seal()
        given = stored_facts(self.case, type_, self.config)
        return finder_for(
            self.case, self.config, reader, now=self.now, given=given, steps=self.value("steps"), messages=list
        )

    def _agent_step(self, step: StepConfig) -> None:
        assert step.work is not None  # noqa: S101  # asked for agents' steps only
        run = self.runs.get(step.name)
        agent = step.work.agent
        if run is not None and run.state == Run.State.OPEN:
            if self._waits(run, agent):
                return
            if run.attempts >= TRIES:
                hand_over(self, run, {"code": "tried_too_often", "n": run.attempts})
                return
        if self.stopped(agent):
            return
        if agent.brain_kind == "outside":
            self._open_for_outside(step, run)
            return
        self._offer("step", lambda: self._claim_run(step.name, agent))

    def _waits(self, run: Run, agent: Agent) -> bool:
        """Whether somebody has the run now, or it waits for people, for a time, or for an outside agent."""
        if run.waiting_on is not None and any(p.pk == run.waiting_on for p in self.proposals):
            return True
        if run.try_at and run.try_at > self.now:
            self.times.append(run.try_at)
            return True
        if agent.brain_kind == "outside":
            self._outside_has(run, agent)
            return True
        return self._leased(run)

    def _leased(self, run: Run) -> bool:
        if run.lease_until and run.lease_until > self.now:
            self.times.append(run.lease_until)
            return True
        return False

    def stopped(self, agent: Agent) -> bool:
        """Whether nothing of this agent's goes on now: it is inactive, or a pause covers it here."""
        return not agent.active or gate.paused(self.case, agent, None, glance=self.glance) is not None

    def _outside_has(self, run: Run, agent: Agent) -> None:
        """It may have crashed, so its limit is looked at here too: not while people decide or a pause keeps it off."""
        if self.stopped(agent) or any(p.run_id == run.pk for p in self.proposals):
            return
        over = lasting.over_at(self.case, run, agent, self.now)
        if over is not None and over > self.now:
            self.times.append(over)
        elif over is not None:
            hand_over(self, run, {"code": "limit", "why": lasting.words(agent)})

    def _claim_run(self, step: str, agent: Agent | None) -> Job:
        run = self.runs.get(step)
        lease = self.now + LEASE
        if run is None:
            run = rows.fresh(
                Run,
                case=self.case,
                step=step,
                agent=agent,
                turn=self.case.turn,
                lease_until=lease,
                started_at=self.now,
                versions={"map": self.config.epoch},
            )
            rows.insert(run)
        elif run.state == Run.State.OPEN and run.waiting_on is None and run.try_at is None:
            transitions.claim_run(run, now=self.now, lease_until=lease)
        else:
            transitions.restart_run(run, lease_until=lease, agent_id=agent.pk if agent else None)
        self.times.append(lease)
        if step:
            self._open_step(step)
        return self._job("step" if step else "prepare", run=run, step=step)

    def _open_for_outside(self, step: StepConfig, run: Run | None) -> None:
        """An outside agent's step is a row it can see; nobody holds a lease on it."""
        assert step.work is not None  # noqa: S101
        if run is not None:
            return
        opened = Run(
            case=self.case,
            step=step.name,
            agent=step.work.agent,
            turn=self.case.turn,
            started_at=self.now,
            versions={"map": self.config.epoch},
        )
        opened.save(force_insert=True)
        self.draft.add(Entry("step.opened", CONTROL, {"step": step.name, "agent": step.work.agent.name}))
        self._open_step(step.name)
        self._outside_has(opened, step.work.agent)

    def _open_step(self, name: str) -> None:
        steps = self.value("steps")
        if steps.get(name, {}).get("state") != "open":
            steps = {**steps, name: {**steps.get(name, {}), "state": "open", "at": self.now.isoformat()}}
            self.draft.add(steps=steps)
            self.case.steps = steps

    def _nothing_left(self, people: StepConfig | None, steps: Sequence[StepConfig]) -> None:
        """No agent has anything to do: people's step, an answer to wait for, or the end."""
        if people is not None:
            self._open_step(people.name)
            why = {"code": "step_of_people", "step": people.name, "does": people.row.does}
            case_transitions.to_people(self.draft, self.case, actor=CONTROL, why=why, team=people.row.team)
            if people.row.team_id is not None:  # perhaps no team of the type: it sees what it was asked to do
                raising.give_sight(self.case, {people.row.team_id}, now=self.now)
        elif not steps:  # nothing was done for it, so it is not done
            case_transitions.to_people(self.draft, self.case, actor=CONTROL, why={"code": "no_steps"}, team=None)
        elif all(self._state(step.name) in DONE for step in steps) and not self.proposals:
            outcome = "automatic" if not self.decided else "approved"
            case_transitions.closed(self.draft, self.case, actor=CONTROL, outcome=outcome, now=self.now)
        elif any(self._state(step.name) == "handed_over" for step in steps) and not self.proposals:
            why = {"code": "step_handed_over"}
            case_transitions.to_people(self.draft, self.case, actor=CONTROL, why=why, team=None)

    # ------------------------------------------------------------------ status and wake-up

    def _settle(self) -> None:
        if self.case.is_open and "status" not in self.draft.changes:
            status = self._status()
            if status != self.case.status:
                self.draft.add(status=status)
        elif self.case.status == S.DONE and self._nobody_knows():  # it was withdrawn while this was being written
            case_transitions.back_to_people(self.draft, self.case, why="unknown")
            self.times.append(self.now)  # its due times count again
        wake_at = self.now if self.more else min(self.times, default=None)
        if self.value("status") in Case.CLOSED and not self.more and not self.proposals and not self.lone:
            wake_at = None
        self.draft.add(wake_at=wake_at, wake_queue=self.more[0] if self.more else "flow")

    def _nobody_knows(self) -> bool:
        """Whether there is a write whose outcome a person has to find out."""
        writes = [w for p in self.proposals for w in p.loaded or () if executor.needs_person(w, w.operation)]
        return any(write.state == W.UNKNOWN for write in (*writes, *self.lone))

    def _status(self) -> str:
        states = {p.state for p in self.proposals}
        if self._nobody_knows():
            return S.REPAIR
        if self.value("holder_kind") != Case.Holder.AI:
            kept = (S.TRIAGE, S.WITH_PERSON, S.REPAIR)
            return self.case.status if self.case.status in kept else S.WITH_PERSON
        if self.case.status == S.TRIAGE:
            return S.TRIAGE
        if self.job is not None and self.job.kind != "carry":
            return S.WORKING
        if "waiting" in states:
            return S.WAITING_APPROVAL
        if states & {"held", "permitted", "unknown"}:
            return S.WAITING_WRITE
        if any(step.get("asked") for step in self.value("steps").values() if step.get("state") == "waiting"):
            return S.WAITING_CUSTOMER
        return S.WORKING
