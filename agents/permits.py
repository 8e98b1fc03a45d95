"""Permits: what lets a controlled write start. Made from a decision or a standing approval, never otherwise.

A permit is single use, carries turn and fingerprint, and lives as long as the rule says (7 days unless it says).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from agents import gate, transitions
from agents.configuration import Configuration
from agents.errors import Refused
from agents.models import Grant, Proposal, Write
from agents.money import money_of
from agents.subjects import subject_of
from cases.actors import Actor
from cases.ledger import Entry
from cases.models import Case
from cases.plainly import plain

W, P = Write.State, Proposal.State
DAYS = 7


def permit_option(
    proposal: Proposal,
    writes: Sequence[Write],
    *,
    option: str,
    actor: Actor,
    source: str,
    config: Configuration,
    now: datetime,
    hold_seconds: int = 0,
    days: int = DAYS,
    edits: Mapping[str, Mapping[str, Any]] | None = None,
    standing: Mapping[str, int] | None = None,
) -> list[Entry]:
    """Give each write of `option` its permit, withdraw the others', and take the places in sums, caps and limits.

    `standing`: write name -> rule id where a standing approval covers it. With a hold the writes start after it.
    What was written before the option had to wait again stays written. Raises `Refused` if an agent's grant is used up.
    """
    proposal.decided = option
    hold_until = now + timedelta(seconds=hold_seconds) if hold_seconds else None
    chosen = [w for w in transitions.chosen_writes(proposal, writes) if w.state != W.WRITTEN]
    for write in chosen:
        changed = (edits or {}).get(write.name, {})
        write.decided = plain({**write.proposed, **changed})
    mark = transitions.current_fingerprint(proposal, writes)
    grants = {write.pk: _grant_of(proposal, write, config, now) for write in chosen}
    for write in sorted(chosen, key=lambda write: _order(grants[write.pk])):
        write.money = _money(write, write.decided or {}, changed=write.name in (edits or {}))
        _take_place(proposal.case, grants[write.pk], write, config, now)
        transitions.move_write(
            write,
            W.HELD if hold_until else W.PERMITTED,
            decided=write.decided,
            **_subject(proposal.case, write, write.decided or {}),
            placed_at=now,
            money=write.money,
            hold_until=hold_until,
            permit_fingerprint=mark,
            permit_source=source[:200],
            permit_rule=(standing or {}).get(write.name),
            permit_until=now + timedelta(days=days),
            permit_epoch=config.epoch,
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


def _grant_of(proposal: Proposal, write: Write, config: Configuration, now: datetime) -> Grant | None:
    """The grant by which an agent may write it; None for a person: their right is their work on the case."""
    agent = config.agents.get(write.agent_id or 0)
    if agent is None:
        return None
    grant, why = gate.granted(config, proposal.case, agent, write.operation, proposal.step, now)
    if grant is None:
        raise Refused(why, reason="grant")
    return grant


def _order(grant: Grant | None) -> int:
    """Places are taken in one order everywhere: two options with the same writes the other way round wait in turn."""
    return 0 if grant is None else grant.pk


def _take_place(case: Case, grant: Grant | None, write: Write, config: Configuration, now: datetime) -> None:
    """The place of an agent's write in the limits of its grant."""
    if grant is None:
        return
    currency = config.company.currency
    money = gate.limited_money(write.operation, write.decided or {}, write.money, write.currency, currency)
    leave_out = (write.pk,)
    gate.take_place(grant, write.operation, case=case, money=money, now=now, leave_out=leave_out, zone=config.zone)


def _money(write: Write, arguments: Mapping[str, Any], *, changed: bool) -> Decimal | None:
    """The money of what is decided, or proposed again: an edit of the amount changes its place in sums and caps."""
    if not changed or isinstance(write.operation.money, Mapping):
        return write.money
    amount, _currency = money_of(write.operation, arguments, company=write.currency)
    return amount if isinstance(amount, Decimal) else None


def _subject(case: Case, write: Write, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What others wait for follows an edit of the record; nothing where the record is the same."""
    if write.decided == write.proposed:
        return {}
    return {"subject": subject_of(write.operation, arguments, case)}


def take_back(proposal: Proposal, writes: Sequence[Write], *, actor: Actor, why: str, now: datetime) -> Entry:
    """A decision is undone, or the live rules became stricter: the writes wait again and give their places back."""
    option = proposal.decided
    for write in transitions.chosen_writes(proposal, writes):
        if write.state in (W.HELD, W.PERMITTED):
            transitions.move_write(
                write,
                W.WAITING,
                decided=None,
                **_subject(proposal.case, write, write.proposed),
                money=_money(write, write.proposed, changed=write.decided != write.proposed),
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
