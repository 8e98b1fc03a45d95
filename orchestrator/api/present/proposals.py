"""Proposals and approvals as JSON: options, the three records (proposed, decided, carried out), rules, who
is asked.
"""

from typing import Any

from agents.models import Agent, Proposal, Write
from approvals import first_answer, showing
from approvals.masks import Masks
from approvals.models import Approval, StandingApproval
from cases.texts import here
from orchestrator.api.calls import Call
from orchestrator.api.plain import moment, plain
from orchestrator.api.present.common import arguments_for, options, rules


def proposal(row: Proposal, masks: Masks, *, agent: Agent | None = None) -> dict[str, Any]:
    """A proposal. What the control layer read to judge it is not for `agent` to see, nor results it has no
    grant for.
    """
    writes = list(row.writes.all())
    return {
        "id": str(row.pk),
        "case": f"C-{row.case_id}",
        "step": row.step,
        "turn": row.turn,
        "proposer": row.proposer,
        "why": masks.hide(row.why),
        "state": row.state,
        "options": options(row.options, writes, masks, agent),
        "suggested": row.suggested,
        "chosen": row.decided,
        "proposed": _record(writes, "proposed", masks),
        "decided": _record(writes, "decided", masks),
        "carried_out": _record(writes, "carried_out", masks),
        "rules": [] if agent else rules(masks.hide(row.rules)),
        "evidence": [] if agent else plain(masks.hide(row.evidence)),
        "risk": row.risk,
        "fingerprint": row.fingerprint,
        "approvals": [str(approval.pk) for approval in row.approvals.all()],
        "created_at": moment(row.created_at),
        "ended_at": moment(row.ended_at),
    }


def _record(writes: list[Write], which: str, masks: Masks) -> list[dict[str, Any]]:
    return [
        {
            "option": row.option,
            "name": row.name,
            "operation": row.operation.name,
            "arguments": arguments_for(row, getattr(row, which), masks),
        }
        for row in writes
        if getattr(row, which) is not None
    ]


def approval(row: Approval, masks: Masks, call: Call) -> dict[str, Any]:
    """An approval as the contract has it: what is asked, of whom, until when, and who decided.

    Once somebody answered first, the writes stand as they fixed them, and `fingerprint` is that of these.
    """
    first = first_answer.first_of(row, row.decisions.all())
    return {
        "id": str(row.pk),
        "case": f"C-{row.case_id}",
        "proposal": str(row.proposal_id),
        "turn": row.turn,
        "state": row.state,
        "title": masks.hide(here(row.title)),
        "risk": row.risk,
        "fingerprint": first_answer.to_name(row, first),
        "evidence_digest": showing.digest_of(row.proposal.evidence, row.case.type.tables if row.case.type else {}),
        "first_answer": {"by": first.who, "option": first.option} if first else None,
        "options": options(row.proposal.options, first_answer.as_fixed(list(row.proposal.writes.all()), first), masks),
        "rules": rules(masks.hide(row.proposal.rules)),
        "reasons": [masks.hide(here(reason)) for reason in row.reasons],
        "people": row.people,
        "due": moment(row.due_at),
        "asked": [{"team": asked.team.name, "people": asked.people} for asked in row.asked.all()],
        "decided_by": [decision.who for decision in row.decisions.all()],
        "decided_option": row.decided_option,
        "decided_at": moment(row.decided_at),
        "undo_until": moment(row.hold_until),
        "created_at": moment(row.created_at),
        "url": call.address(f"/api/v1/approvals/{row.pk}/"),
    }


def standing(row: StandingApproval) -> dict[str, Any]:
    limits = row.rule.then.get("standing_approval", {}) if isinstance(row.rule.then, dict) else {}
    return {
        "id": row.pk,
        "rule": row.rule.name,
        "version": row.rule.version,
        "sentence": here(row.rule.sentence),
        "by": row.by,
        "limits": {name: plain(value) for name, value in limits.items() if name != "by"},
        "in_force": row.in_force,
        "confirmed_by": row.confirmed_label,
        "confirmed_at": moment(row.confirmed_at),
        "paused_by": row.paused_label,
        "paused_at": moment(row.paused_at),
        "withdrawn_at": moment(row.withdrawn_at),
    }
