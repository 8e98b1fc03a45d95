"""Permits: what lets a controlled write start. Made from a decision or a standing approval, never otherwise.

A permit is single use, carries turn and fingerprint, and lives as long as the rule says (7 days unless it says).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from agents import transitions
from agents.models import Proposal, Write
from agents.money import money_of
from cases.actors import Actor
from cases.ledger import Entry, plain

W, P = Write.State, Proposal.State
DAYS = 7


def permit_option(
    proposal: Proposal,
    writes: Sequence[Write],
    *,
    option: str,
    actor: Actor,
    source: str,
    epoch: int,
    now: datetime,
    hold_seconds: int = 0,
    days: int = DAYS,
    edits: Mapping[str, Mapping[str, Any]] | None = None,
    standing: Mapping[str, int] | None = None,
) -> list[Entry]:
    """Give each write of `option` its permit, withdraw the others', and take the places in sums and caps.

    `standing`: write name -> rule id where a standing approval covers it. With a hold the writes start after it.
    """
    proposal.decided = option
    hold_until = now + timedelta(seconds=hold_seconds) if hold_seconds else None
    chosen = transitions.chosen_writes(proposal, writes)
    for write in chosen:
        changed = (edits or {}).get(write.name, {})
        write.decided = plain({**write.proposed, **changed})
    mark = transitions.current_fingerprint(proposal, writes)
    for write in chosen:
        transitions.move_write(
            write,
            W.HELD if hold_until else W.PERMITTED,
            decided=write.decided,
            placed_at=now,
            money=_money(write, changed=write.name in (edits or {})),
            hold_until=hold_until,
            permit_fingerprint=mark,
            permit_source=source[:200],
            permit_rule=(standing or {}).get(write.name),
            permit_until=now + timedelta(days=days),
            permit_epoch=epoch,
        )
    for write in writes:
        if write.option != option and write.state == W.WAITING and not hold_until:
            transitions.move_write(write, W.WITHDRAWN, ended_at=now)
    state = (P.HELD if hold_until else P.PERMITTED) if chosen else P.REJECTED
    transitions.set_proposal(proposal, state, now=now, decided=option, fingerprint=mark)
    data = {
        "proposal": str(proposal.pk),
        "option": option,
        "source": source,
        "hold_until": hold_until,
        "writes": [{"name": w.name, "operation": w.operation.name, "arguments": shown(w)} for w in chosen],
    }
    return [Entry("permit.held" if hold_until else "permit.given", actor, data)]


def _money(write: Write, *, changed: bool) -> Decimal | None:
    """The money of what was decided: an edit of the amount changes the place it takes in sums and caps."""
    if not changed or isinstance(write.operation.money, Mapping):
        return write.money
    amount, _currency = money_of(write.operation, write.decided or {}, company=write.currency)
    return amount if isinstance(amount, Decimal) else None


def take_back(proposal: Proposal, writes: Sequence[Write], *, actor: Actor, why: str, now: datetime) -> Entry:
    """A decision is undone, or the live rules became stricter: the writes wait again and give their places back."""
    option = proposal.decided
    for write in transitions.chosen_writes(proposal, writes):
        if write.state in (W.HELD, W.PERMITTED):
            transitions.move_write(
                write,
                W.WAITING,
                decided=None,
                hold_until=None,
                permit_fingerprint="",
                permit_source="",
                permit_rule=None,
                permit_until=None,
                permit_epoch=None,
            )
    proposal.decided = ""
    mark = transitions.current_fingerprint(proposal, writes)
    transitions.set_proposal(proposal, P.WAITING, now=now, decided="", fingerprint=mark, lease_until=None, try_at=None)
    return Entry("permit.taken_back", actor, {"proposal": str(proposal.pk), "option": option, "why": why})


def shown(write: Write) -> dict[str, Any]:
    """A write's arguments for the record, without what must never be shown."""
    arguments = write.proposed if write.decided is None else write.decided
    return {k: ("•••" if k in write.operation.secret else v) for k, v in arguments.items()}
