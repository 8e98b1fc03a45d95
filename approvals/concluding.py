"""What follows from the answers that were given: nothing yet, the next stage, the permit with its hold, or the end."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents import configuration, permits
from agents.models import Proposal, Write
from approvals import transitions
from approvals.asking import ask_of, unanswered_by
from approvals.counting import Beside, agreed
from approvals.models import Approval, Decision
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.ledger import Entry
from cases.models import Case

A = Approval.State
REJECT = "reject"


def conclude(
    actor: Actor,
    approval: Approval,
    proposal: Proposal,
    writes: list[Write],
    decisions: list[Decision],
    around: Beside,
    now: datetime,
) -> list[Entry]:
    """A reject ends it; otherwise the last one needed gives the permit, and the hold starts with them.

    `decisions`: those in force, the newest last; later ones confirm option and values of the first, or reject.
    """
    config, option, edits = around.glance.config, decisions[-1].option, decisions[-1].edits
    given = [one for one in decisions if one.option == option]
    if option != REJECT or not _ends_at_once(proposal, writes, given):
        if not agreed(around, given):
            transitions.stirred(approval, now=now)
            return []
        if around.has_next_stage and transitions.open_next_stage(approval, now=now, config=config):
            return []
    hold = _hold_seconds(writes, option, config, around.own_hold)
    names = ", ".join(d.who for d in decisions if d.option == option)
    entries = permits.permit_option(
        proposal,
        writes,
        option=option,
        actor=actor,
        source=_("Decided by %(names)s") % {"names": names},
        config=config,
        now=now,
        hold_seconds=hold,
        days=approval.permit_days,
        edits=edits,
    )
    transitions.move(
        approval,
        A.DECIDED,
        decided_at=now,
        decided_option=option,
        hold_until=now + timedelta(seconds=hold) if hold else None,
        fingerprint=proposal.fingerprint,
    )
    transitions.close_asked(approval)
    return entries


def _ends_at_once(proposal: Proposal, writes: Sequence[Write], rejecting: Sequence[Decision]) -> bool:
    """Whether these rejects are enough: one is, unless it writes something for which the rules ask more people."""
    if not any(write.option == REJECT for write in writes):
        return True
    asks = proposal.verdict.get(REJECT, {}).get("asks", [])
    return not unanswered_by([one.team for one in rejecting], [ask_of(one) for one in asks])


def go_on(case: Case, approval: Approval, entries: list[Entry], now: datetime) -> None:
    """Keep the events, and let the case go on once the hold is over."""
    wake_at = approval.hold_until if approval.state == A.DECIDED and approval.hold_until else now
    changes = case_transitions.wake(case, wake_at)
    if wake_at > now and case.status == Case.Status.WAITING_APPROVAL and not _others_wait(approval):
        changes["status"] = Case.Status.WAITING_WRITE  # nobody looks at the case before the hold is over
    case_transitions.save(case, entries, now=now, **changes)
    if wake_at <= now:
        doorbell.ring()


def _others_wait(approval: Approval) -> bool:
    return Approval.objects.filter(case=approval.case_id, state=A.WAITING).exclude(pk=approval.pk).exists()


def _hold_seconds(writes: list[Write], option: str, config: configuration.Configuration, own: int) -> int:
    """The longest hold of the option's writes; a person may lengthen their own. Nothing to write: no hold."""
    chosen = [w for w in writes if w.option == option]
    if not chosen:
        return 0
    needed = max(config.hold_of(w.operation) for w in chosen)
    return max(needed, own) if needed else 0
