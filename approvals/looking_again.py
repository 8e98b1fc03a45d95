"""Look again at what an approval rests on: the evidence is read anew, and what changed is said.

The proposal itself stays as it is: rules and versions are judged again before anything is written.
"""

from typing import Any

from django.db import transaction

from agents import configuration
from agents.finding import finder_for
from agents.models import Proposal
from agents.proposing import evidence
from agents.reading import Reader
from approvals import transitions
from approvals.models import Approval
from approvals.permissions import can_decide
from approvals.selectors import no_right, seen
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.ledger import Entry


def look_again(*, actor: Actor, approval_id: Any) -> list[str]:
    """Read the evidence of a waiting approval again. Returns the names of the facts that changed.

    Only who may decide it may ask. Systems are read with no transaction open.
    """
    approval = seen(actor, approval_id)
    if actor.user is None or not can_decide(actor.user, approval):
        raise no_right(actor, approval)
    config, reader = configuration.current(), Reader()
    finder = finder_for(approval.case, config, reader, now=database_now(), agent_id=approval.proposal.proposer_agent_id)
    fresh = evidence(finder, config)
    with transaction.atomic():
        case = case_transitions.lock(approval.case_id)
        proposal = Proposal.objects.select_for_update().get(pk=approval.proposal_id)
        approval = transitions.lock(approval.pk)
        if approval.state != Approval.State.WAITING:
            raise transitions.wrong_state(approval)
        now = database_now()
        before = {str(row["fact"]): row for row in proposal.evidence if row.get("fact")}
        rows = [_beside(row, before.get(str(row["fact"])), now.isoformat()) for row in fresh]
        Proposal.objects.filter(pk=proposal.pk).update(evidence=rows)
        changed = [str(row["fact"]) for row in rows if row.get("changed_at") == now.isoformat()]
        data = {"approval": str(approval.pk), "changed": changed}
        if changed:
            transitions.stirred(approval, now=now)
        case_transitions.save(case, [*reader.taken(), Entry("approval.looked_again", actor, data)], now=now)
    return changed


def _beside(row: dict[str, Any], old: dict[str, Any] | None, now: str) -> dict[str, Any]:
    """The row as it is now, with what it said before where that was something else."""
    if old is None:
        return row
    if (old.get("known"), old.get("found")) != (row["known"], row["found"]):
        return {**row, "was": old.get("found"), "changed_at": now}
    return {**row, **{name: old[name] for name in ("was", "changed_at") if name in old}}
