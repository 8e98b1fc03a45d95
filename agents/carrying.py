"""Carries out a decided proposal: its writes in order, each reserved, sent and recorded, until one is not written.

Before the first write, facts and target versions are read again and judged by the live rules. Stricter than what was
decided: it waits for people again, with the reason. Looser: nothing changes.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents import configuration, executor, gate, permits, transitions
from agents.configuration import Configuration
from agents.connectors.pauses import PATIENT, pause
from agents.executor import Outcome
from agents.finding import finder_for, stored_facts
from agents.judge import Judge, Judged, Option, PlannedWrite, Prepared
from agents.models import Proposal, Write
from agents.proposing import target_version
from agents.reading import Reader
from agents.stored import with_writes, writes_of
from cases import rows
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.clock import database_now
from cases.ledger import Entry
from cases.models import Case
from cases.plainly import plain
from cases.texts import say
from cases.transitions import Draft

W = Write.State
READY = (W.HELD, W.PERMITTED)
RESTORING = timedelta(seconds=30)
After = Callable[[Case, Draft, datetime], Any]


@dataclass
class Carrier:
    """One worker carrying out one claimed proposal. `after` runs under the case lock when nothing is left to send."""

    proposal: Proposal  # as it was when it was claimed; read again before the first write
    case_id: int
    claim: int
    judge: Judge
    after: After
    just_judged: bool = False
    writes: list[Write] = field(default_factory=list)
    reader: Reader = field(default_factory=Reader)
    prepared: Prepared | None = None
    versions: dict[str, Any] = field(default_factory=dict)
    config: Configuration = field(default_factory=configuration.current)
    now: datetime | None = None  # when it was claimed, by the database's clock
    started: Write | None = None  # reserved by `begin`, not sent yet

    def run(self) -> None:
        """Until the option is through, or something has to be waited for. Raises `Stale` if somebody else has it."""
        sent: tuple[Write, Outcome] | None = None
        if self.started is not None:
            sent = (self.started, self._send(self.started))
        elif not self.just_judged:
            sent = self._look_afresh()
        while (write := self._next(sent)) is not None:
            sent = (write, self._send(write))

    def begin(self, case: Case, draft: Draft, writes: list[Write], *, now: datetime, began: float) -> None:
        """Reserve the first write in the transaction that stored the proposal; `run_but_the_last` sends it."""
        self.writes = writes
        self.started = self._reserved(case, draft, now, began)
        if self.started is None:
            transitions.release_proposal(self.proposal, try_at=_try_at(self.proposal, writes, now))

    def run_but_the_last(self) -> tuple[Write, Outcome] | None:
        """As `run` after `begin`; where the option's last write was written, its outcome is left to be recorded."""
        write = self.started
        while write is not None:
            sent = (write, self._send(write))
            others = [w for w in transitions.chosen_writes(self.proposal, self.writes) if w.pk != write.pk]
            if sent[1].state == W.WRITTEN and all(other.state == W.WRITTEN for other in others):
                self.writes = [write if w.pk == write.pk else w for w in self.writes]
                return sent
            write = self._next(sent)
        return None

    # ------------------------------------------------------------------ outside any transaction

    def _send(self, write: Write) -> Outcome:
        return executor.send(write, write.operation, self.config)

    def _look_afresh(self) -> tuple[Write, Outcome] | None:
        """Facts and versions as they are now; and what became of a write whose outcome is not known."""
        proposal = self.proposal
        writes = proposal.loaded if proposal.loaded is not None else writes_of(proposal, self.config)
        begun = next((w for w in writes if w.state in (W.RESERVED, W.UNKNOWN)), None)
        if begun is not None:
            outcome = executor.recover(begun, begun.operation, self.config)
            return (begun, outcome) if outcome is not None else None
        chosen = transitions.chosen_writes(proposal, writes)
        if any(w.state == W.WRITTEN for w in chosen):
            return None
        agent_id = proposal.proposer_agent_id
        finder = finder_for(proposal.case, self.config, self.reader, now=self.now or database_now(), agent_id=agent_id)
        self.prepared = self.judge.prepare(finder, options_of(proposal, writes))
        self.versions = {
            str(w.pk): target_version(w.operation, w.decided or w.proposed, self.config, self.reader) for w in chosen
        }
        return None

    # ------------------------------------------------------------------ under the case lock

    def _next(self, sent: tuple[Write, Outcome] | None) -> Write | None:
        """Record what was sent, then reserve the next write; None when there is nothing to send now.

        When another case reserved a write of the same record at this moment, it is looked at again, and waited for.
        """
        told, as_sent = list(self.reader.entries), dict(vars(sent[0])) if sent is not None else {}
        try:
            return self._recorded_and_reserved(sent)
        except IntegrityError as error:
            if not executor.is_taken(error):
                raise
        self.reader.entries = told
        if sent is not None:
            vars(sent[0]).update(as_sent)
        return self._recorded_and_reserved(sent)

    def _recorded_and_reserved(self, sent: tuple[Write, Outcome] | None) -> Write | None:
        with transaction.atomic(), rows.together():
            began = time.monotonic()
            case, now = case_transitions.lock_at(self.case_id, self.config.type_rows)
            draft = Draft(self.reader.taken())
            if sent is not None:
                executor.record(draft, case, sent[0], sent[1], config=self.config, now=now)
            if not self._still_ours(case, sent):
                draft.store(case, now=now)  # the outcome is told, whoever goes on
                return None
            if sent is not None and sent[0].state in (W.FAILED, W.DIFFERS):
                _withdraw_rest(self.proposal, self.writes, now)
            write = self._reserved(case, draft, now, began)
            if write is None:
                proposal = self.proposal
                if proposal.state != Proposal.State.WAITING and proposal.decided:
                    transitions.settle_proposal(proposal, self.writes, now=now)
                transitions.release_proposal(proposal, try_at=_try_at(proposal, self.writes, now))
                self.after(case, draft, now)
            draft.store(case, now=now)
            return write

    def _still_ours(self, case: Case, sent: tuple[Write, Outcome] | None) -> bool:
        """Whether this worker holds the claim. The rows are read again where a write may still start on them."""
        open_ = [w for w in transitions.chosen_writes(self.proposal, self.writes) if w.state not in Write.FINAL]
        if sent is not None and sent[0] in self.writes and not open_:
            found = rows.execute(_CLAIM, [str(self.proposal.pk)])
            return bool(found) and found[0][0] == self.claim
        proposals = with_writes("p.id = $1", [str(self.proposal.pk)], case, self.config, "FOR UPDATE OF p")
        if not proposals or proposals[0].claim != self.claim:
            return False
        self.proposal = proposals[0]
        self.writes = list(self.proposal.loaded or ())
        return True

    def _reserved(self, case: Case, draft: Draft, now: datetime, began: float) -> Write | None:
        """The next write of the option, reserved; None if none may start now, for reasons that are recorded."""
        proposal, writes = self.proposal, self.writes
        write = self._startable(case, proposal, writes, draft.entries, now)
        if write is not None:
            self._withdraw_others(proposal, writes, now)
            draft.entries.append(executor.reserve(write, operation=write.operation, now=now, began=began))
            transitions.settle_proposal(proposal, writes, now=now)
        return write

    def _startable(
        self,
        case: Case,
        proposal: Proposal,
        writes: Sequence[Write],
        entries: list[Entry],
        now: datetime,
    ) -> Write | None:
        """The next write of the option if it may start now; else what stands in the way is done and recorded."""
        write = _first_open(proposal, writes)
        if write is None:
            return None
        if write.state == W.RESERVED and (write.lease_until is None or write.lease_until > now):
            return None  # another worker sends it at this moment
        if write.state in (W.RESERVED, W.UNKNOWN):
            return self._again(case, proposal, write, now)
        if write.state not in READY or (write.hold_until and write.hold_until > now):
            return None
        if write.try_at and write.try_at > now:
            return None
        why = self._may_not_start(case, proposal, write, writes, now)
        if why:
            entries += end_unstarted(proposal, writes, why=why, now=now)
            return None
        policy = held(case, write, self.config)
        if policy.restoring:
            _wait(write, now + RESTORING)
            return None
        if policy.paused:
            return None
        self.config = configuration.known(policy.stamp)
        if words := closed(write, self.config) or no_longer_granted(case, write, proposal.step, self.config, now):
            entries += end_unstarted(proposal, writes, why="grant", now=now, words=words)
            return None
        if policy.in_flight:
            _wait(write, now + timedelta(seconds=pause(self.claim, random=random.random, **PATIENT)))
            return None
        stricter = self._stricter(case, proposal, writes, write, policy.epoch, now)
        if stricter is not None:
            entries += self._wait_again(case, proposal, writes, *stricter, now=now)
            return None
        return write

    def _again(self, case: Case, proposal: Proposal, write: Write, now: datetime) -> Write | None:
        """An unknown write is sent again only with an effect key that the system honours, and under no pause.

        What else may have changed since stops it no more: it may have been done, and that is to be found out.
        """
        if write.try_at and write.try_at > now:
            return None
        if not executor.effect_key_honoured(write.operation) or write.attempts >= executor.TRIES:
            return None
        policy = held(case, write, self.config)
        if policy.restoring:
            _wait(write, now + RESTORING)
        if policy.restoring or policy.paused:
            return None
        if write.state == W.RESERVED:
            transitions.move_write(write, W.UNKNOWN, held_claim=write.claim, error=str(_("The worker was lost.")))
        return write

    def _may_not_start(
        self, case: Case, proposal: Proposal, write: Write, writes: Sequence[Write], now: datetime
    ) -> str:
        """Why this write must never start any more; '' if it may."""
        if case.turn != write.turn or not case.is_open:
            return "turn"
        if write.permit_until is not None and write.permit_until <= now:
            return "expired"
        if write.permit_fingerprint != transitions.current_fingerprint(proposal, writes):
            return "fingerprint"
        return ""

    def _stricter(
        self,
        case: Case,
        proposal: Proposal,
        writes: Sequence[Write],
        write: Write,
        epoch: int,
        now: datetime,
    ) -> tuple[Judged, str] | None:
        """The live verdict, if it is stricter than what was decided, or the record moved; None if it may go on."""
        if self.just_judged and write.permit_epoch == epoch:
            return None
        if self.prepared is None:
            return self._judged_later(case, proposal, writes, write, epoch, now)
        judged = self._judge(case, proposal, writes, now)
        moved = [
            w.name
            for w in transitions.chosen_writes(proposal, writes)
            if str(w.pk) in self.versions and plain(self.versions[str(w.pk)]) != w.target_version
        ]
        if moved:
            words = _("The record changed after it was decided: %(names)s.") % {"names": ", ".join(moved)}
            return judged, words
        if not self.judge.settled(proposal, judged):
            return judged, _asks_more(judged)
        self.prepared, self.just_judged = None, True
        write.permit_epoch = epoch
        return None

    def _judged_later(
        self, case: Case, proposal: Proposal, writes: Sequence[Write], write: Write, epoch: int, now: datetime
    ) -> tuple[Judged, str] | None:
        """A later write of the option: the epoch decides whether the live rules are asked again, on the known facts."""
        if write.permit_epoch == epoch:
            return None
        config = self.config
        type_ = config.type_of(case)
        self.reader.seal()
        given = {} if self.reader.knows or type_ is None else stored_facts(case, type_, config)
        agent_id = proposal.proposer_agent_id
        finder = finder_for(case, config, self.reader, now=now, given=given, agent_id=agent_id)
        self.prepared = self.judge.prepare(finder, options_of(proposal, writes))
        judged = self._judge(case, proposal, writes, now)
        if not self.judge.settled(proposal, judged):
            return judged, _asks_more(judged)
        self.prepared = None
        return None

    def _judge(self, case: Case, proposal: Proposal, writes: Sequence[Write], now: datetime) -> Judged:
        assert self.prepared is not None  # noqa: S101  # only called after preparing
        verdicts = self.judge.judge(
            self.config,
            case,
            self.prepared,
            options_of(proposal, writes),
            proposer_user_id=proposal.proposer_user_id,
            now=now,
            leave_out=tuple(w.pk for w in writes),
        )
        return verdicts[proposal.decided]

    def _wait_again(
        self,
        case: Case,
        proposal: Proposal,
        writes: Sequence[Write],
        judged: Judged,
        why: str,
        *,
        now: datetime,
    ) -> list[Entry]:
        """The writes wait again on what is true now: versions and facts are the fresh ones, and people are asked."""
        for write in writes:
            if str(write.pk) in self.versions:
                rows.change(write, {"target_version": plain(self.versions[str(write.pk)])}, guard={}, missed=None)
        facts = self.prepared.facts if self.prepared else {}
        proposal.facts |= {name: plain(f.value) if f.known else None for name, f in facts.items()}
        proposal.rules = [{**rule, "option": judged.option} for rule in judged.rules]
        proposal.verdict = {**proposal.verdict, judged.option: judged.data}
        proposal.versions = {**proposal.versions, "rules": {rule["name"]: rule["version"] for rule in judged.rules}}
        _close_withdrawn(proposal, writes)
        changes = {
            "facts": proposal.facts,
            "rules": proposal.rules,
            "verdict": proposal.verdict,
            "options": proposal.options,
            "versions": proposal.versions,
        }
        rows.change(proposal, changes, guard={}, missed=None)
        entries = [permits.take_back(proposal, writes, actor=CONTROL, why=why, now=now)]
        if judged.kind == "forbid":
            entries += end_unstarted(proposal, writes, why="forbidden", now=now, words=judged.why)
            return entries
        return entries + self.judge.ask(self.config, case, proposal, writes, judged, why=why, now=now)

    def _withdraw_others(self, proposal: Proposal, writes: Sequence[Write], now: datetime) -> None:
        """With the first write that starts, the options that were not chosen are over."""
        for write in writes:
            if write.option != proposal.decided and write.state == W.WAITING:
                transitions.move_write(write, W.WITHDRAWN, ended_at=now)


def options_of(proposal: Proposal, writes: Sequence[Write]) -> list[Option]:
    """The options of a stored proposal, with their writes as they stand (decided if they are)."""
    by_id = {str(w.pk): w for w in writes}
    return [
        Option(
            name=option["name"],
            title=option["title"],
            suggested=option["suggested"],
            draft=option.get("draft", ""),
            writes=[
                PlannedWrite(
                    name=w.name,
                    operation=w.operation,
                    arguments=w.proposed if w.decided is None else w.decided,
                    money=w.money,
                    currency=w.currency,
                    id=w.pk,
                )
                for w in (by_id[ref["id"]] for ref in option["writes"])
            ],
        )
        for option in proposal.options
    ]


@dataclass(frozen=True)
class Held:
    """Policy and switches as they stay until the commit; `in_flight`: another write of the record is under way."""

    epoch: int
    stamp: str
    restoring: bool
    paused: bool
    in_flight: bool


def held(case: Case, write: Write, config: Configuration) -> Held:
    """Hold the policy row, and for an agent's write its switches, against a change until the commit. One statement."""
    agent = config.agents.get(write.agent_id or 0)
    mine = [write.subject, str(write.pk)]
    if agent is not None:
        wanted = ["all:", f"agent:{agent.name}", f"system:{write.operation.system.name}"]
        wanted += [f"type:{case.type.name}"] if case.type is not None else []
        found = rows.execute(_POLICY_AND_SWITCHES, [*mine, wanted])
        if found:
            epoch, stamp, restoring, in_flight, _paused = found[0]
            return Held(epoch, stamp, restoring, any(row[4] for row in found), in_flight)
    found = rows.execute(_POLICY, mine)
    if not found:  # its first use
        configuration.policy()
        found = rows.execute(_POLICY, mine)
    epoch, stamp, restoring, in_flight = found[0]
    return Held(epoch, stamp, restoring, False, in_flight)


_IN_FLIGHT = """EXISTS (
  SELECT FROM agents_write w WHERE w.subject = $1 AND w.state IN ('reserved', 'unknown') AND w.id <> $2::uuid)"""
_POLICY = f"SELECT epoch, stamp::text, restoring, {_IN_FLIGHT} FROM agents_policy WHERE id = 1 FOR SHARE"  # noqa: S608
_POLICY_AND_SWITCHES = f"""
SELECT p.epoch, p.stamp::text, p.restoring, {_IN_FLIGHT}, s.paused
FROM agents_policy p, agents_switch s WHERE p.id = 1 AND s.scope || ':' || s.name = ANY ($3::text[])
ORDER BY s.id FOR SHARE OF p, s"""  # noqa: S608
_CLAIM = "SELECT claim FROM agents_proposal WHERE id = $1 FOR UPDATE"


def closed(write: Write, config: Configuration) -> str:
    """Why nobody may call the operation any more (retired, or suspended until an admin looks); '' if they may."""
    operation = config.operations.get(write.operation.name)
    if operation is None:
        return _("The operation %(name)s is retired.") % {"name": write.operation.name}
    if operation.suspended:
        words = _("The operation %(name)s is suspended: %(why)s")
        return words % {"name": operation.name, "why": operation.suspended}
    return ""


def no_longer_granted(case: Case, write: Write, step: str, config: Configuration, now: datetime) -> str:
    """Why the agent that wanted this write may not any more (inactive, or its grant is gone); '' if it may."""
    if write.agent_id is None:
        return ""
    agent = config.agents.get(write.agent_id)
    if agent is None or not agent.active or agent.retired:
        return _("The agent %(name)s is not active.") % {"name": agent.name if agent else write.agent_id}
    return gate.granted(config, case, agent, write.operation, step, now)[1]


def _asks_more(judged: Judged) -> str:
    """Why what was decided is not enough any more: the rules that won, as sentences."""
    won = [say(rule["sentence"]) or rule["name"] for rule in judged.rules if rule.get("won")]
    words = [_("Since it was decided, the rules ask for more.")] if judged.kind == "ask" else []
    return " ".join([*words, *dict.fromkeys(won), judged.why]).strip()


def _close_withdrawn(proposal: Proposal, writes: Sequence[Write]) -> None:
    """Once one option was begun, those that went with it can no longer be chosen."""
    gone = {w.option for w in writes if w.state in (W.WITHDRAWN, W.EXPIRED)}
    for option in proposal.options:
        if option["name"] in gone:
            option |= {"allowed": False, "why": str(_("Another option was begun already."))}


def _wait(write: Write, until: datetime) -> None:
    rows.change(write, {"try_at": until}, guard={}, missed=None)


def _first_open(proposal: Proposal, writes: Sequence[Write]) -> Write | None:
    """The first write of the option that is not written; None if all are, or one ended otherwise."""
    for write in transitions.chosen_writes(proposal, writes):
        if write.state == W.WRITTEN:
            continue
        return None if write.state in Write.FINAL else write
    return None


def end_unstarted(
    proposal: Proposal, writes: Sequence[Write], *, why: str, now: datetime, words: str = ""
) -> list[Entry]:
    """What must not start any more is ended, and the record says why."""
    to = W.EXPIRED if why == "expired" else W.WITHDRAWN
    for write in writes:
        if write.state in (W.WAITING, W.HELD, W.PERMITTED):
            transitions.move_write(write, to, ended_at=now)
    states = {"expired": Proposal.State.EXPIRED, "forbidden": Proposal.State.FORBIDDEN}
    begun = [w for w in transitions.chosen_writes(proposal, writes) if w.state not in (W.WITHDRAWN, W.EXPIRED)]
    if not begun:
        transitions.set_proposal(proposal, states.get(why, Proposal.State.WITHDRAWN), now=now)
    said = words or {
        "turn": _("Somebody else has taken the case on."),
        "expired": _("The permit had run out."),
        "fingerprint": _("What stands here is not what was decided."),
        "forbidden": _("A rule forbids it now."),
    }.get(why, why)
    data = {"proposal": str(proposal.pk), "why": why, "words": said}
    return [Entry("write.not_started", CONTROL, data)]


def _withdraw_rest(proposal: Proposal, writes: Sequence[Write], now: datetime) -> None:
    """The writes of an option stop at the first that is not written."""
    for write in transitions.chosen_writes(proposal, writes):
        if write.state in READY:
            transitions.move_write(write, W.WITHDRAWN, ended_at=now)


def _try_at(proposal: Proposal, writes: Sequence[Write], now: datetime) -> datetime | None:
    write = _first_open(proposal, writes)
    return write.try_at if write is not None else None
