"""What a person can ask of floor 2: pause and resume AI, repair a record, look a write up again."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import configuration, executor, transitions
from agents.connectors import Answer
from agents.models import Agent, Proposal, Switch, System, Write
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import Entry, append_company
from cases.models import Case, RequestType, Team
from cases.permissions import can_work
from cases.transitions import Draft

W = Write.State


def pause(*, actor: Actor, scope: str, name: str = "", reason: str) -> Switch:
    """Stop AI: all, one agent, one request type or one system. Any team lead may. Nothing of a case changes."""
    if not may_pause(actor):
        raise NoRight(_("Only team leads and admins can pause AI. Nothing was changed."))
    if not reason.strip():
        raise ReasonRequired(_("Say why AI is paused."), fields={"reason": [_("Write a reason.")]})
    with transaction.atomic():
        switch = _switch(scope, name)
        if switch.paused:
            raise WrongState(_("This is paused already (%(by)s).") % {"by": switch.by})
        now = database_now()
        switch.paused, switch.by, switch.by_user_id = True, actor.label[:250], actor.user_id
        switch.reason, switch.at, switch.since = reason.strip()[:300], now, now
        switch.save()
        data = {"scope": scope, "name": name, "reason": switch.reason}
        append_company([Entry("ai.paused", actor, data)], now=now)
    return switch


def resume(*, actor: Actor, scope: str, name: str = "", reason: str = "") -> Switch:
    """Start AI again. Only an admin or whoever paused may; nothing resumes by itself.

    What was stopped looks on once the roof has settled it, which the sweep does too if this process is lost.
    """
    with transaction.atomic():
        switch = _switch(scope, name)
        if not switch.paused:
            if not may_pause(actor):
                raise NoRight
            raise WrongState(_("This is not paused."))
        if not may_resume(actor, switch):
            raise NoRight(_("Only an admin or %(by)s can resume this.") % {"by": switch.by})
        now = database_now()
        data = {"scope": scope, "name": name, "paused_by": switch.by, "since": switch.at, "reason": reason}
        switch.paused, switch.at, switch.settled = False, now, False
        switch.save()
        append_company([Entry("ai.resumed", actor, data)], now=now)
    return switch


def may_pause(actor: Actor) -> bool:
    user = actor.user
    return bool(user and user.is_active and (user.is_superuser or Team.objects.filter(leads=user).exists()))


def may_resume(actor: Actor, switch: Switch) -> bool:
    user = actor.user
    return bool(user and user.is_active and (user.is_superuser or user.pk == switch.by_user_id))


def _switch(scope: str, name: str) -> Switch:
    """The switch row, locked; made on first use for an agent, type or system that exists."""
    known = {
        "all": name == "",
        "agent": Agent.objects.filter(name=name).exists(),
        "type": RequestType.objects.filter(name=name).exists(),
        "system": System.objects.filter(name=name).exists(),
    }
    if not known.get(scope):
        raise Incorrect(_("There is nothing of that name to pause."), fields={"name": [name]})
    Switch.objects.bulk_create([Switch(scope=scope, name=name)], ignore_conflicts=True)
    return Switch.objects.select_for_update().get(scope=scope, name=name)


def repair(*, actor: Actor, write_id: Any, outcome: str, reference: str = "", note: str = "") -> Write:
    """A person says what became of a write that is not written: done after all (with its reference), or not."""
    if outcome not in ("written", "failed"):
        raise Incorrect(_("Say whether it was written or not."), fields={"outcome": [outcome]})
    if outcome == "written" and not reference.strip():
        raise ReasonRequired(_("Give the reference in the system."), fields={"reference": [_("Write the reference.")]})
    with transaction.atomic():
        case, write = _locked_write(actor, write_id)
        if write.state not in (W.UNKNOWN, W.DIFFERS, W.FAILED):  # one that is being sent at this moment tells by itself
            said = {"state": write.get_state_display().lower()}
            raise WrongState(_("This write is %(state)s: there is nothing to repair. Nothing was changed.") % said)
        now = database_now()
        repaired = {"by": actor.label, "note": note[:1000], "at": now.isoformat(), "was": write.state}
        transitions.move_write(
            write,
            W(outcome),
            reference=reference.strip()[:300] or write.reference,
            repaired=repaired,
            ended_at=now,
            placed_at=(write.placed_at or now) if outcome == "written" else None,
            lease_until=None,
            try_at=None,
        )
        data = {"write": str(write.pk), "name": write.name, "outcome": outcome, "reference": reference, "note": note}
        _after(case, write, Draft([Entry("write.repaired", actor, data)]), now)
    return write


def reconcile(*, actor: Actor, write_id: Any) -> Write:
    """Look an unknown write up in its system again."""
    write = Write.objects.select_related("operation__system", "case").filter(pk=write_id).first()
    if write is None or not actor.is_person or not can_work(actor.user, write.case):
        raise NotFound
    if write.state != W.UNKNOWN:
        raise WrongState(_("The outcome of this write is known: %(state)s.") % {"state": write.get_state_display()})
    config = configuration.current()
    found = executor.recover(write, write.operation, config) or executor.Outcome(
        W.UNKNOWN, Answer(ok=False, outcome="unknown"), error=write.error
    )
    with transaction.atomic():
        seen = write.claim
        case, write = _locked_write(actor, write_id)
        now = database_now()
        # Whoever sent it once more meanwhile made what was looked up old: their answer, or the next look-up, tells.
        if write.state == W.UNKNOWN and write.claim == seen and found.state != W.UNKNOWN:
            draft = Draft()
            executor.record(draft, case, write, found, config=config, now=now)
            _after(case, write, draft, now)
        else:
            data = {"write": str(write.pk), "name": write.name, "why": found.error}
            case_transitions.save(case, [Entry("write.still_unknown", actor, data)], now=now)
    return write


def _locked_write(actor: Actor, write_id: Any) -> tuple[Case, Write]:
    known = Write.objects.filter(pk=write_id).values_list("case_id", flat=True).first()
    if known is None:
        raise NotFound
    case = case_transitions.lock(known)
    if not actor.is_person or not can_work(actor.user, case):
        raise NotFound
    rows = Write.objects.select_for_update(of=("self",)).select_related("operation__system", "proposal")
    write = rows.get(pk=str(write_id))
    return case, write


def _after(case: Case, write: Write, draft: Draft, now: Any) -> None:
    """A repaired write settles its proposal, and the case looks on. The rest of an option ends with one that failed;
    one that was found not done is tried again as it was decided.
    """
    if write.proposal is not None:
        proposal = Proposal.objects.select_for_update().get(pk=write.proposal.pk)
        writes = list(proposal.writes.select_related("operation"))
        for other in transitions.chosen_writes(proposal, writes):
            if write.state in (W.FAILED, W.DIFFERS) and other.state in (W.HELD, W.PERMITTED):
                transitions.move_write(other, W.WITHDRAWN, ended_at=now)
        transitions.settle_proposal(proposal, writes, now=now)
    rest = Write.objects.filter(case=case, state__in=[W.UNKNOWN, W.DIFFERS], repaired={}).exclude(pk=write.pk)
    if case.status == Case.Status.REPAIR and not rest.exists():
        draft.add(status=Case.Status.WITH_PERSON)
    draft.add(**case_transitions.wake(case, now))
    draft.store(case, now=now)
    doorbell.ring()
