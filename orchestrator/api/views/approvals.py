"""Proposals, approvals, decisions and standing approvals."""

import hashlib
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from agents.models import Proposal
from approvals import hiding, services
from approvals.masks import Masks
from approvals.models import Approval, ApprovalQuerySet
from approvals.standing import confirm_standing
from cases.errors import Incorrect, NoRight, NotFound
from orchestrator.api import selectors, shapes
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import APART, endpoint
from orchestrator.api.paging import page, time_of, uuid_of, whole
from orchestrator.api.present import proposals as present
from orchestrator.api.sight import approvals_of, cases_of, find_approval, standing_of
from orchestrator.api.views.operations import ended
from orchestrator.api.waiting import until

READ = ("read", "staff")


@endpoint("GET", *READ, "agent", tag="approvals", answers={200: "Proposal"}, path=("id",), query=shapes.WAIT)
def show_proposal(call: Call, id: UUID) -> Answer:
    """One proposal. With `wait`, answered when its state is final or the seconds are over. An agent sees
    its own, with its own arguments as it sent them.
    """
    rows = Proposal.objects.filter(pk=id)
    own = {"proposer_agent": call.token.agent} if call.is_agent else {"case__in": cases_of(call.token)}
    rows = rows.filter(**own)
    if not rows.exists():
        raise NotFound
    until(lambda: ended(id), call.query["wait"])
    row = selectors.with_writes(rows).first()
    if row is None:  # out of sight meanwhile
        raise NotFound
    masks = Masks() if call.is_agent else hiding.masks_of(row.case_id)
    return Answer(present.proposal(row, masks, agent=call.token.agent if call.is_agent else None))


@endpoint("GET", *READ, tag="approvals", answers={200: "Approvals"}, query=shapes.APPROVALS)
def list_approvals(call: Call) -> Answer:
    """Approvals of the cases this token may see, the newest first. `waiting_for=me`: those its person can
    decide.
    """
    rows = approvals_of(call.token)
    if "waiting_for" in call.query:
        if call.user is None:
            raise Incorrect(
                _("`waiting_for=me` needs a token of a person. Nothing was changed."), fields={"waiting_for": []}
            )
        rows = rows.waiting_for(call.user)
    if "case" in call.query:
        rows = rows.filter(case_id=int(call.query["case"].removeprefix("C-")))
    if "proposal" in call.query:
        rows = rows.filter(proposal_id=call.query["proposal"])
    if "state" in call.query:
        rows = rows.filter(state=call.query["state"])
    keys = [time_of("created_at"), uuid_of("id")]
    return page(call, selectors.with_asked(rows), keys, lambda found: _present(call, found))


@endpoint("GET", *READ, tag="approvals", answers={200: "Approval"}, path=("id",))
def show_approval(call: Call, id: UUID) -> Answer:
    """One approval: what is asked, of whom, until when, and who decided."""
    return _shown(call, id)


@endpoint("POST", "decide", tag="approvals", answers={200: "Approval"}, path=("id",), body=shapes.DECISION, keyed=APART)
def decide(call: Call, id: UUID) -> Answer:
    """Decide an approval as the person of this token. `fingerprint` is that of the approval as it was read:
    if anything changed since, nothing is decided (409 `changed`). `evidence_digest` is that of the approval as well;
    without it the answer is for the evidence that people were asked with. High risk is decided in the browser only.
    """
    approval = find_approval(call, id)
    if approval.risk == "high":
        raise NoRight(_("This is of high risk: it is decided in the browser, not by a token. Nothing was decided."))
    services.decide(
        actor=call.actor,
        approval_id=approval.pk,
        fingerprint=call.body["fingerprint"],
        option=call.body["option"],
        edits=call.body.get("edits"),
        reason=call.body.get("reason", ""),
        reason_code=call.body.get("reason_code", ""),
        confirmed=call.body.get("confirmed", ()),
        evidence=call.body.get("evidence_digest"),
        nonce=_nonce(call),
    )
    return _shown(call, id)


@endpoint("POST", "decide", tag="approvals", answers={200: "Approval"}, path=("id",))
def undo_decision(call: Call, id: UUID) -> Answer:
    """Take a decision back while it is held: the approval waits again."""
    services.undo(actor=call.actor, approval_id=find_approval(call, id).pk)
    return _shown(call, id)


@endpoint("GET", *READ, tag="approvals", answers={200: "StandingApprovals"}, query=shapes.LIST)
def list_standing_approvals(call: Call) -> Answer:
    """Standing approvals that name the person of this token or cover what the token sees."""
    rows = standing_of(call.token)
    return page(call, rows, [whole("id")], lambda found: [present.standing(row) for row in found])


@endpoint(
    "POST", "decide", tag="approvals", answers={200: "StandingApproval"}, path=("standing_id",), body=shapes.CONFIRM
)
def confirm_standing_approval(call: Call, standing_id: int) -> Answer:
    """Put a standing approval in force: only the person it names can. `version` is that of the rule as it was read:
    if it is another one by now, nothing is confirmed (409 `wrong_state`).
    """
    row = standing_of(call.token).filter(pk=standing_id).first()
    if row is None:
        raise NotFound
    confirm_standing(actor=call.actor, standing_id=row.pk, version=call.body.get("version"))
    return Answer(present.standing(standing_of(call.token).get(pk=standing_id)))


def _shown(call: Call, approval_id: UUID) -> Answer:
    rows: ApprovalQuerySet = selectors.with_asked(approvals_of(call.token).filter(pk=approval_id))
    row = rows.first()
    if row is None:
        raise NotFound
    return Answer(_present(call, [row])[0])


def _present(call: Call, found: list[Approval]) -> list[dict[str, Any]]:
    """Each with what is masked in its case, which is asked once for all of them."""
    masks = hiding.masks_of_each({row.case_id for row in found})
    return [present.approval(row, masks[row.case_id], call) for row in found]


def _nonce(call: Call) -> str:
    """One decision per key, also when two processes see the key for the first time."""
    return hashlib.sha256(f"token {call.token.pk} {call.key}".encode()).hexdigest() if call.key else ""
