"""What one worker does on one case between two commits: reads and works out with no lock, then stores it at once.

`flush` is the only way to the database: it locks the case, checks that claim and turn still hold (else `Stale`),
stores everything gathered since the last flush in one transaction, and lets `then` go on under the same lock.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F

from agents import transitions
from agents.configuration import Configuration, TypeConfig
from agents.errors import Stale
from agents.facts import FactFinder, Found
from agents.finding import finder_for, incoming, stored_facts
from agents.judge import Judge
from agents.models import Run
from agents.reading import Reader
from cases import transitions as case_transitions
from cases.clock import database_now
from cases.ledger import Entry
from cases.models import Case
from cases.transitions import Draft

T = TypeVar("T")
LEASE = timedelta(seconds=90)


@dataclass
class Stretch:
    """A worker's work that began with one claimed run. `case` is what was read then; changes are gathered beside it.

    `current` is the run of the step in hand: a step that only follows from this stretch's own is begun in memory and
    becomes a row (and what is fenced) with the next flush.
    """

    case: Case
    run: Run
    config: Configuration
    judge: Judge
    now: datetime
    reader: Reader = field(default_factory=Reader)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    done_runs: list[Run] = field(default_factory=list)
    releases: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    current: Run | None = None
    began: float = 0.0  # monotonic seconds, from before `now` was asked for
    _messages: list[str] | None = None

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
            messages=self.messages,
            agent_id=(self.current or self.run).agent_id,
        )

    def record(self, code: str, actor: Any, **data: Any) -> None:
        self.entries.append(Entry(code, actor, data))

    def flush(self, then: Callable[[Case, Draft], T]) -> T:
        """Commit what was gathered; `then` adds to it in the same transaction. Raises `Stale` if it is not ours.

        When `then` refuses, everything is rolled back and stays gathered: a later flush still tells of it.
        """
        fence, told, releases = self.run, list(self.entries), list(self.releases)
        unsaved = [run for run in self.done_runs if run.pk is None]
        if self.current is not None and self.current.pk is None:
            unsaved.append(self.current)
        try:
            with transaction.atomic():
                self.began = time.monotonic()
                case = case_transitions.lock(self.case.pk)
                self.now = database_now()
                self._still_ours(case)
                draft = self._gathered(case)
                self._store_runs()
                result = then(case, draft)
                draft.store(case, now=self.now)
        except Exception:
            self.run, self.releases, self.reader.entries = fence, releases, told
            for run in unsaved:
                run.pk = None
            raise
        self.case = case
        self.steps, self.changes, self.done_runs = {}, {}, []
        return result

    def _gathered(self, case: Case) -> Draft:
        """Events, facts and steps since the last flush; they are on the case already for whoever plans next."""
        changes = dict(self.changes)
        if self.steps:
            changes["steps"] = {**case.steps, **self.steps}
        for name, value in changes.items():
            if name not in ("status", "turn"):  # those two are compared when they are stored
                setattr(case, name, value)
        return Draft(self.reader.taken(), changes)

    def _store_runs(self) -> None:
        for rows, values in self.releases:
            rows.update(**values)
        self.releases = []
        for run in self.done_runs:
            if run.pk is None:
                run.save(force_insert=True)
            else:
                self._end(run)
        if self.current is not None and self.current.state == Run.State.OPEN and self.current.pk is None:
            self.current.lease_until = self.now + LEASE
            self.current.save(force_insert=True)
            self.run = self.current

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
        lease = self.now + LEASE
        if not Run.objects.filter(pk=self.run.pk, claim=self.run.claim, state=Run.State.OPEN).update(
            lease_until=lease, calls=F("calls") if self.run.calls == 0 else self.run.calls
        ):
            raise Stale
