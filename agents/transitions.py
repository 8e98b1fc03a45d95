"""Every change of a run, a proposal or a write: guarded by the write itself, under the case lock, with its event.

A worker's change also compares its claim, so that one that slept past its lease writes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from agents.errors import Stale
from agents.fingerprint import fingerprint
from agents.models import Proposal, Run, Write
from cases import rows
from cases.actors import Actor
from cases.errors import WrongState
from cases.ledger import Entry
from cases.models import Case

W, P = Write.State, Proposal.State

WRITE_MOVES: dict[str, frozenset[str]] = {
    W.WAITING: frozenset({W.HELD, W.PERMITTED, W.RESERVED, W.WITHDRAWN, W.EXPIRED}),
    W.HELD: frozenset({W.WAITING, W.PERMITTED, W.RESERVED, W.WITHDRAWN, W.EXPIRED}),
    W.PERMITTED: frozenset({W.WAITING, W.RESERVED, W.WITHDRAWN, W.EXPIRED}),
    W.RESERVED: frozenset({W.PERMITTED, W.WRITTEN, W.DIFFERS, W.FAILED, W.UNKNOWN}),
    W.UNKNOWN: frozenset({W.RESERVED, W.PERMITTED, W.WRITTEN, W.DIFFERS, W.FAILED}),
    W.DIFFERS: frozenset({W.WRITTEN}),
    W.FAILED: frozenset({W.WRITTEN}),
    W.WRITTEN: frozenset(),
    W.WITHDRAWN: frozenset(),
    W.EXPIRED: frozenset(),
}
RUN_MOVES: dict[str, frozenset[str]] = {
    Run.State.OPEN: frozenset({Run.State.DONE, Run.State.HANDED_OVER, Run.State.SKIPPED, Run.State.LATE}),
    Run.State.DONE: frozenset({Run.State.OPEN}),
    Run.State.HANDED_OVER: frozenset({Run.State.OPEN}),
    Run.State.SKIPPED: frozenset(),
    Run.State.LATE: frozenset(),
}
# The worst of its writes is the state of a proposal.
WORST = (
    W.UNKNOWN,
    W.RESERVED,
    W.FAILED,
    W.DIFFERS,
    W.EXPIRED,
    W.WITHDRAWN,
    W.WAITING,
    W.HELD,
    W.PERMITTED,
    W.WRITTEN,
)


def move_write(write: Write, to: str, *, held_claim: int | None = None, **changes: Any) -> None:
    """One guarded move of a write. With `held_claim`, only the worker that holds it may move it (else `Stale`)."""
    if to not in WRITE_MOVES[write.state]:
        raise WrongState(
            _("This write is %(state)s. Nothing was changed.") % {"state": write.get_state_display().lower()},
            state=write.state,
        )
    if to in Write.TAKES_PLACE:
        changes.setdefault("placed_at", write.placed_at)
    else:
        changes["placed_at"] = None
    guard: dict[str, Any] = {"state": write.state}
    if held_claim is not None:
        guard["claim"] = held_claim
    rows.change(write, {"state": to, **changes}, guard=guard, missed=_write_moved if held_claim is None else Stale)


def _write_moved() -> WrongState:
    return WrongState(_("This write was changed meanwhile. Nothing was changed."))


def move_run(run: Run, to: str, *, now: datetime, claim: int | None = None, **changes: Any) -> None:
    """One guarded move of a run."""
    if to not in RUN_MOVES[run.state]:
        raise WrongState(_("This step is %(state)s already.") % {"state": run.get_state_display().lower()})
    if to != Run.State.OPEN:
        changes |= {"ended_at": now, "lease_until": None}
    guard: dict[str, Any] = {"state": run.state}
    if claim is not None:
        guard["claim"] = claim
    rows.change(run, {"state": to, **changes}, guard=guard, missed=Stale)


def claim_run(run: Run, *, now: datetime, lease_until: datetime) -> None:
    """Take an open run whose lease is over (or that nobody has): its claim rises."""
    changes = {"claim": run.claim + 1, "attempts": run.attempts + 1, "lease_until": lease_until, "try_at": None}
    rows.change(run, changes, guard={"claim": run.claim, "state": Run.State.OPEN}, missed=Stale)


def restart_run(run: Run, *, lease_until: datetime | None, agent_id: int | None) -> None:
    """Open a run of this turn again (the customer answered, an outside agent goes on)."""
    if run.state in (Run.State.SKIPPED, Run.State.LATE):
        raise Stale
    changes: dict[str, Any] = {
        "state": Run.State.OPEN,
        "claim": run.claim + 1,
        "attempts": 1,
        "lease_until": lease_until,
        "waiting_on": None,
        "try_at": None,
        "ended_at": None,
        "agent_id": agent_id,
    }
    rows.change(run, changes, guard={"claim": run.claim, "state": run.state}, missed=Stale)


def claim_proposal(proposal: Proposal, *, lease_until: datetime) -> None:
    """Take a proposal whose writes can be carried out. A lease that still stands there is of a worker that was lost."""
    lost = proposal.lost + 1 if proposal.lease_until else 0
    changes = {"claim": proposal.claim + 1, "lost": lost, "lease_until": lease_until, "try_at": None}
    rows.change(proposal, changes, guard={"claim": proposal.claim}, missed=Stale)


def release_proposal(proposal: Proposal, *, try_at: datetime | None) -> None:
    """Give a claimed proposal back: it is taken again at `try_at`, or when something wakes the case."""
    changes = {"lease_until": None, "try_at": try_at}
    rows.change(proposal, changes, guard={"claim": proposal.claim}, missed=None)


def settle_proposal(proposal: Proposal, writes: Sequence[Write], *, now: datetime) -> None:
    """Store the state that follows from the chosen option's writes."""
    chosen = chosen_writes(proposal, writes)
    states = {w.state for w in chosen}
    if not chosen:
        return
    worst = next(state for state in WORST if state in states)
    if proposal.decided == "reject" and worst == W.WRITTEN:
        state = P.REJECTED
    else:
        state = P.PERMITTED if worst == W.RESERVED else P(worst)
    if state != proposal.state or state not in Proposal.OPEN:
        set_proposal(proposal, state, now=now)


def set_proposal(proposal: Proposal, state: str, *, now: datetime, **changes: Any) -> None:
    """Store a proposal's state; an ended one does not move again, but for a failed write that was repaired."""
    ended = state not in Proposal.OPEN
    changes |= {"state": state, "ended_at": now if ended else None}
    if ended:
        changes["lease_until"] = None
    rows.change(proposal, changes, guard={"state": proposal.state}, missed=_proposal_moved)


def _proposal_moved() -> WrongState:
    return WrongState(_("This proposal was changed meanwhile. Nothing was changed."))


def chosen_writes(proposal: Proposal, writes: Iterable[Write]) -> list[Write]:
    """The writes of the decided option, in order."""
    return sorted((w for w in writes if w.option == proposal.decided), key=lambda w: w.position)


def withdraw(case: Case, *, actor: Actor, why: str, now: datetime) -> list[Entry]:
    """Nothing of this case is started any more: open runs, proposals and writes that did not start are withdrawn.

    What is reserved or unknown goes on to its outcome: an effect that was begun is always recorded.
    """
    entries: list[Entry] = []
    open_runs = Run.objects.filter(case=case, state=Run.State.OPEN)
    for run in open_runs.select_related("agent"):
        move_run(run, Run.State.LATE, now=now)
        if run.agent:
            entries.append(Entry("ai.stopped", actor, {"agent": run.agent.name, "step": run.step, "why": why}))
    for proposal in list(
        Proposal.objects.select_for_update().filter(case=case, state__in=Proposal.OPEN).order_by("pk")
    ):
        writes = list(proposal.writes.all())
        begun = [w for w in writes if w.state in (W.RESERVED, W.UNKNOWN, W.WRITTEN, W.DIFFERS)]
        for write in writes:
            if write.state in (W.WAITING, W.HELD, W.PERMITTED):
                move_write(write, W.WITHDRAWN, ended_at=now)
        if any(w.state in (W.RESERVED, W.UNKNOWN) for w in begun):
            continue
        set_proposal(proposal, P.WITHDRAWN, now=now)
        entries.append(
            Entry("proposal.withdrawn", actor, {"proposal": str(proposal.pk), "why": why, "step": proposal.step})
        )
    return entries


def current_fingerprint(proposal: Proposal, writes: Sequence[Write]) -> str:
    """The fingerprint worked out from the stored rows as they are now."""
    by_id = {str(w.pk): w for w in writes}
    options = [
        {
            "name": option["name"],
            "writes": [
                {
                    "name": w.name,
                    "operation": w.operation.name,
                    "arguments": w.proposed if w.decided is None else w.decided,
                    "target_version": w.target_version,
                }
                for w in (by_id[ref["id"]] for ref in option["writes"])
            ],
        }
        for option in proposal.options
    ]
    return fingerprint(
        case_id=proposal.case_id,
        turn=proposal.turn,
        options=options,
        facts=proposal.facts,
        versions=proposal.versions,
    )
