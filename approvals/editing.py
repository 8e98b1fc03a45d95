"""Values that somebody changed are judged again: facts are looked up before any lock is taken, and judged under it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import carrying, configuration, schemas
from agents.errors import Refused
from agents.facts import FactFinder
from agents.finding import finder_for
from agents.gate import Gate
from agents.judge import Judged, PlannedWrite, Prepared
from agents.models import Proposal, Write
from agents.money import money_of
from agents.proposing import RISKS, risk_of
from agents.reading import Reader
from approvals import transitions
from approvals.errors import HigherNeeded, NotAllowed
from approvals.judging import Judging
from approvals.models import Approval
from approvals.permissions import asked_as
from approvals.selectors import no_right
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.models import Case

A = Approval.State
Edits = Mapping[str, Mapping[str, Any]]


def must_be_asked(actor: Actor, approval: Approval) -> None:
    """Raise where it no longer waits, or is not for this person to decide."""
    if approval.state != A.WAITING:
        raise transitions.wrong_state(approval)
    if asked_as(actor.user, approval) is None:
        raise no_right(actor, approval)


def risk_as_edited(approval: Approval, writes: Sequence[Write], option: str, edits: Edits) -> str:
    """The risk of what is decided: never less than what was asked with, and high where an amount was raised so."""
    risks = [approval.risk]
    for write in writes:
        if write.option == option and write.name in edits and not isinstance(write.operation.money, Mapping):
            arguments = {**write.proposed, **edits[write.name]}
            amount, currency = money_of(write.operation, arguments, company=write.currency)
            known = amount if isinstance(amount, Decimal) else None
            planned = PlannedWrite(write.name, write.operation, arguments, money=known, currency=currency)
            odd = known is None and amount is not None and write.operation.high_above is not None
            risks.append("high" if odd else risk_of(planned))
    return max(risks, key=RISKS.index)


def look_afresh(approval: Approval, option: str, edits: Edits) -> Prepared:
    """Facts for the edited writes, looked up before any lock is taken. That they were read is recorded at once: it
    stays whatever becomes of the decision."""
    config, reader = configuration.current(), Reader()
    proposal = approval.proposal
    writes = list(proposal.writes.select_related("operation__system"))
    for write in writes:
        if write.option == option and write.name in edits:
            write.decided = {**write.proposed, **edits[write.name]}
    agent_id = proposal.proposer_agent_id
    finder = finder_for(approval.case, config, reader, now=database_now(), agent_id=agent_id)
    prepared = Judging().prepare(finder, carrying.options_of(proposal, writes))
    refusal = _out_of_scope(approval.case, finder, [w for w in writes if w.option == option], edits)
    if entries := reader.taken():
        with transaction.atomic():
            case_transitions.save(case_transitions.lock(approval.case_id), entries, now=database_now())
    if refusal is not None:
        raise refusal
    return prepared


def _out_of_scope(case: Case, finder: FactFinder, writes: Sequence[Write], edits: Edits) -> Refused | None:
    """What the gate says where somebody put in a record that is none of this case. What may not be changed at all, or
    is no argument, is told with the decision."""
    gate = Gate(finder.config, case, finder, finder.now)
    for write in writes:
        names, key = set(edits.get(write.name, ())), write.operation.case_key
        arguments = {**write.proposed, **edits.get(write.name, {})}
        if not names <= set(write.operation.editable) or schemas.check(write.operation.arguments, arguments):
            continue
        if isinstance(key, Mapping) and names & {argument.split(".")[0] for argument in key}:
            try:
                gate.in_scope(write.operation, arguments)
            except Refused as refusal:
                return refusal
    return None


def judge_edited(
    case: Case,
    approval: Approval,
    proposal: Proposal,
    writes: list[Write],
    option: str,
    edits: Edits,
    fresh: Prepared,
    now: datetime,
) -> None:
    """An edited payload is a new payload: if the rules ask more for it than was asked here, nothing is decided."""
    config = configuration.current()
    edited = []
    for write in writes:
        if write.option == option and write.name in edits:
            write.decided = {**write.proposed, **edits[write.name]}
            amount, _currency = money_of(write.operation, write.decided, company=config.company.currency)
            write.money = amount if amount is not None else None
            edited.append(write)
    verdict: Judged = Judging().judge(
        config,
        case,
        fresh,
        carrying.options_of(proposal, writes),
        proposer_user_id=proposal.proposer_user_id,
        now=now,
        leave_out=tuple(w.pk for w in writes),
    )[option]
    if verdict.kind == "forbid":
        raise NotAllowed(verdict.why)
    teams = {a["team"] for a in approval.asks} | set(approval.asked.values_list("team__name", flat=True))
    missing = [a["team"] for a in verdict.asks if not ({a["team"], *a.get("above", [])} & teams)]
    if verdict.kind == "ask" and missing:
        raise HigherNeeded(
            _("With these values %(teams)s must decide. Nothing was decided.") % {"teams": ", ".join(missing)},
            asked=missing,
        )
