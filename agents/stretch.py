"""What one worker does on one case between two commits: reads and works out with no lock, then stores it at once.

`flush` is the only way to the database: it locks the case, checks that claim and turn still hold (else `Stale`),
stores everything gathered since the last flush in one transaction, and lets `then` go on under the same lock.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model

from agents import executor, transitions
from agents.configuration import Configuration, TypeConfig
from agents.connectors.pauses import PATIENT, pause
from agents.errors import Stale
from agents.executor import Outcome
from agents.facts import FactFinder, Found
from agents.finding import finder_for, incoming, stored_facts
from agents.glance import Glance
from agents.judge import Judge
from agents.models import Proposal, Run, Write
from agents.reading import Reader
from cases import rows
from cases import transitions as case_transitions
from cases.ledger import Entry
from cases.models import Case
from cases.transitions import Draft

T = TypeVar("T")
LEASE = timedelta(seconds=90)


@dataclass
class Sent:
    """The last write of an option, done and read back: recorded with what the step comes to, in one commit.

    Nothing else is called before that. If this process dies first, the reserved effect key tells what it was.
    """

    proposal: Proposal
    writes: list[Write]
    write: Write
    outcome: Outcome
    place: int  # where among the gathered events it happened

    def record(self, draft: Draft, case: Case, config: Configuration, now: datetime) -> None:
        executor.record(draft, case, self.write, self.outcome, config=config, now=now)
        transitions.settle_proposal(self.proposal, self.writes, now=now)
        transitions.release_proposal(self.proposal, try_at=None)

    def as_now(self) -> list[tuple[Model, dict[str, Any]]]:
        """The rows that `record` changes, each with what it holds now."""
        return [(row, dict(vars(row))) for row in (self.write, self.proposal, *self.writes)]


@dataclass
class Stretch:
    """A worker's work that began with one claimed run. `case` is what was read then; changes are gathered beside it.

    `current` is the run of the step in hand: a step that only follows from this stretch's own is begun in memory and
    becomes a row (and what is fenced) with the next flush.
    """

    case: Case
    run: Run
    glance: Glance
    judge: Judge
    now: datetime
    reader: Reader = field(default_factory=Reader)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    done_runs: list[Run] = field(default_factory=list)
    releases: list[tuple[Run, dict[str, Any]]] = field(default_factory=list)
    current: Run | None = None
    began: float = 0.0  # monotonic seconds, from before `now` was asked for
    sent: "Sent | None" = None  # a write that was carried out and is recorded with the next flush
    runs: dict[int, Run] = field(default_factory=dict)  # rows of this turn that this stretch knows
    proposals: dict[Any, Proposal] = field(default_factory=dict)  # as they were seen last: to find a step's own again
    stored: dict[Any, Proposal] = field(default_factory=dict)  # by this flush: under the lock they are as they are here
    planned: list[Any] = field(default_factory=list)  # what is next, where it was planned with the last flush already
    _messages: list[str] | None = None

    def __post_init__(self) -> None:
        if self.run.pk is not None:
            self.runs[self.run.pk] = self.run

    @property
    def config(self) -> Configuration:
        return self.glance.config

    @property
    def entries(self) -> list[Entry]:
        """Events in the order in which they happened, the control layer's reads among them."""
        return self.reader.entries

    @property
    def type(self) -> TypeConfig | None:
        return self.config.type_of(self.case)

    @property
    def messages(self) -> list[str]:
        """The requester's messages, oldest first; read once."""
        if self._messages is None:
            self._messages = incoming(self.case)
        return self._messages

    def all_steps(self) -> dict[str, Any]:
        return {**self.case.steps, **self.steps}

    def finder(self, given: Mapping[str, Found] | None = None) -> FactFinder:
        """A finder over the stored facts of the case; what is not stored is looked up."""
        if given is None:
            type_ = self.type
            given = stored_facts(self.case, type_, self.config) if type_ else {}
        return finder_for(
            self.case,
            self.config,
            self.reader,
            now=self.now,
            given=given,
            steps=self.all_steps(),
            messages=lambda: self.messages,
            agent_id=(self.current or self.run).agent_id,
        )

    def soon(self) -> datetime:
        """In a moment, and later each time: somebody may take hours to end a pause, or to clear another write up."""
        taken = (self.current or self.run).claim
        return self.now + timedelta(seconds=pause(taken, random=random.random, **PATIENT))

    def record(self, code: str, actor: Any, **data: Any) -> None:
        self.entries.append(Entry(code, actor, data))

    def flush(self, then: Callable[[Case, Draft], T]) -> T:
        """Commit what was gathered; `then` adds to it in the same transaction. Raises `Stale` if it is not ours.

        When `then` refuses, everything is rolled back and stays gathered: a later flush still tells of it.
        """
        fence, told, releases, sent = self.run, list(self.entries), list(self.releases), self.sent
        before = sent.as_now() if sent is not None else []
        unsaved = [run for run in self.done_runs if run.pk is None]
        if self.current is not None and self.current.pk is None:
            unsaved.append(self.current)
        try:
            with transaction.atomic(), rows.together():
                self.began, self.stored = time.monotonic(), {}
                case, self.now = case_transitions.lock_at(self.case.pk, self.config.type_rows)
                self._still_ours(case)
                draft = self._gathered(case)
                self._store_runs()
                result = then(case, draft)
                draft.store(case, now=self.now)
        except Exception as failure:
            self.run, self.releases, self.reader.entries, self.sent = fence, releases, told, sent
            for run in unsaved:
                run.pk = None
            for row, held in before:  # what became of it is not stored yet, and told by the next transaction
                vars(row).update(held)
            if isinstance(failure, Stale):
                self.tell_sent()
            raise
        self.case = case
        self.runs |= {run.pk: run for run in unsaved}
        self.steps, self.changes, self.done_runs = {}, {}, []
        return result

    def into(self, case: Case, draft: Draft) -> None:
        """Add what was gathered to the draft of a transaction that holds the case already."""
        gathered = self._gathered(case)
        draft.add(*gathered.entries, **gathered.changes)
        self._store_runs()

    def _gathered(self, case: Case) -> Draft:
        """Events, facts and steps since the last flush; they are on the case already for whoever plans next."""
        changes = dict(self.changes)
        if self.steps:
            changes["steps"] = {**case.steps, **self.steps}
        for name, value in changes.items():
            if name not in ("status", "turn"):  # those two are compared when they are stored
                setattr(case, name, value)
        draft = Draft(self.reader.taken(), changes)
        if self.sent is not None:
            later = draft.entries[self.sent.place :]
            del draft.entries[self.sent.place :]
            self.sent.record(draft, case, self.config, self.now)
            self.stored[self.sent.proposal.pk] = self.sent.proposal
            draft.entries += later
            self.sent = None
        return draft

    @property
    def is_told(self) -> bool:
        """Whether everything gathered is stored."""
        return not (self.entries or self.changes or self.steps or self.done_runs or self.releases or self.sent)

    def known_runs(self) -> Iterator[tuple[int | None, Run]]:
        """The runs of this turn that this stretch began with or made, as they will be stored."""
        for run in (*self.runs.values(), *self.done_runs, *([self.current] if self.current else [])):
            yield run.pk, run

    def settle(self) -> None:
        """Record what was sent before anything else is called."""
        if self.sent is not None:
            self.flush(lambda _case, _draft: None)

    def tell_sent(self) -> None:
        """The turn stops starting, never recording: what was carried out is told, whoever has the case now."""
        sent, self.sent = self.sent, None
        if sent is None:
            return
        with transaction.atomic(), rows.together():
            case, now = case_transitions.lock_at(self.case.pk, self.config.type_rows)
            draft = Draft()
            sent.record(draft, case, self.config, now)
            draft.store(case, now=now)

    def _store_runs(self) -> None:
        for run, values in self.releases:
            rows.change(run, values, guard={"claim": run.claim}, missed=None)
        self.releases = []
        new = [run for run in self.done_runs if run.pk is None]
        for run in self.done_runs:
            if run.pk is not None:
                self._end(run)
        if self.current is not None and self.current.state == Run.State.OPEN and self.current.pk is None:
            self.current.lease_until = None if self.current.try_at else self.now + LEASE  # nobody has it until then
            new.append(self.current)
            self.run = self.current
        if new:
            rows.insert(*new)
            rows.send()  # what follows names their numbers

    def _end(self, run: Run) -> None:
        wanted, run.state = run.state, Run.State.OPEN
        transitions.move_run(
            run, wanted, now=self.now, claim=run.claim, result=run.result, calls=run.calls, versions=run.versions
        )

    def _still_ours(self, case: Case) -> None:
        """The fence: the turn and the claim with which this work began. Also makes the lease longer."""
        if case.turn != self.run.turn or not case.is_open:
            raise Stale
        if any(run is self.run for run in self.done_runs):
            return  # ending it compares the claim as well
        changes: dict[str, Any] = {"lease_until": self.now + LEASE}
        if self.run.calls:
            changes["calls"] = self.run.calls
        rows.change(self.run, changes, guard={"claim": self.run.claim, "state": Run.State.OPEN}, missed=Stale)
