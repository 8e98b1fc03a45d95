"""What a person can ask of floor 3: decide and undo. Standing approvals have a module of their own (`standing.py`).

Decisions take `actor`, name the fingerprint they saw, and end in a permit or a rejection. Nobody approves their own.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents import permits, schemas, stored
from agents.errors import Refused
from agents.judge import Prepared
from agents.models import Proposal, Write
from approvals import first_answer, step_up, transitions
from approvals.concluding import REJECT, conclude, go_on
from approvals.counting import beside
from approvals.editing import Edits, judge_edited, look_afresh, must_be_asked, risk_as_edited
from approvals.errors import Changed, HigherNeeded, NotAllowed
from approvals.models import Approval, Decision, Reading
from approvals.permissions import asked_as, can_undo
from approvals.reading import Read
from approvals.selectors import no_right, seen
from approvals.step_up import Proof
from approvals.ticking import ticked
from cases import doorbell, rows
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, Refusal, WrongState
from cases.ledger import Entry
from cases.plainly import plain, plain_text
from cases.texts import here

A = Approval.State
AT_LEAST = timedelta(minutes=15)  # an undone approval has at least this long to be decided again


def decide(
    *,
    actor: Actor,
    approval_id: Any,
    fingerprint: str,
    option: str,
    edits: Edits | None = None,
    reason: str = "",
    nonce: str = "",
    reason_code: str = "",
    confirmed: Collection[str] | Mapping[str, str] = (),
    evidence: str | None = None,
    proof: Proof | None = None,
    read: Read | None = None,
) -> Approval:
    """One person's answer to one approval.

    `edits`: {write name: {argument: value}}; `nonce`: of the form, a second post with it gives the first answer;
    `reason_code`: the reason of the type that was chosen, `confirmed`: `WRITE.SLOT` of what was ticked, with
    the text that stood there or its digest; `evidence`: digest of what was read, None for what people were asked
    with; `proof`: the second factor that was given for it; `read`: how it came about, kept for this person alone.
    Raises `AlreadyDecided`, `Changed`, `NotAllowed`, `NoRight`, `Refused`, `ReasonRequired`, `HigherNeeded`,
    `StepUpNeeded`, `Incorrect`, and `WrongState` where what the nonce had decided was taken back.
    """
    wanted = {name: plain(dict(values)) for name, values in (edits or {}).items() if values}
    try:
        approval = seen(actor, approval_id) if wanted or nonce else _named(actor, approval_id)
    except NotFound as refusal:
        _refused(approval_id, actor, refusal)
        raise
    if _sent_before(actor, approval, nonce):
        return approval
    fresh = None
    try:
        if wanted:
            must_be_asked(actor, approval)
            fresh = look_afresh(approval, option, wanted)
        with transaction.atomic(), rows.together():
            more = {"reason_code": reason_code[:200], "confirmed": confirmed, "evidence": evidence}
            return _decide(
                actor, approval, fingerprint, option, wanted, reason.strip(), nonce, fresh, more, proof, read
            )
    except IntegrityError:
        if _sent_before(actor, approval, nonce):
            return Approval.objects.get(pk=approval.pk)
        if nonce and Decision.objects.filter(nonce=nonce).exists():
            raise Incorrect(_("This form was used already. Open the page again; nothing was decided.")) from None
        raise
    except (NoRight, NotFound, Refused) as refusal:
        _refused(approval.pk, actor, refusal)
        raise


def _sent_before(actor: Actor, approval: Approval, nonce: str) -> bool:
    """Whether this person's form was recorded already. Raises `WrongState` if that decision was taken back since."""
    if not nonce:
        return False
    known = Decision.objects.filter(nonce=nonce, approval=approval, user=actor.user_id).first()
    if known is not None and known.undone_at is not None:
        raise transitions.taken_back(approval, known, database_now())
    return known is not None


def _named(actor: Actor, approval_id: Any) -> Approval:
    """Where the approval stands, for who can decide it: being asked gives sight. Others are judged under the lock."""
    try:
        pk = approval_id if isinstance(approval_id, UUID) else UUID(str(approval_id))
    except ValueError:
        raise NotFound from None
    found = rows.execute("SELECT case_id, proposal_id FROM approvals_approval WHERE id = $1", [str(pk)])
    if not found or actor.user is None:
        raise NotFound
    return Approval(pk=pk, case_id=found[0][0], proposal_id=found[0][1])


def _decide(
    actor: Actor,
    approval: Approval,
    fingerprint: str,
    option: str,
    edits: dict[str, dict[str, Any]],
    reason: str,
    nonce: str,
    fresh: Prepared | None,
    more: dict[str, Any],
    proof: Proof | None,
    read: Read | None,
) -> Approval:
    case, now = case_transitions.lock_at(approval.case_id, {})
    approval, proposal = transitions.lock_both(approval.pk)
    proposal.case = approval.case = case
    if approval.state != A.WAITING:
        seen(actor, approval.pk)  # a stranger is not told who decided
        raise transitions.wrong_state(approval)
    asked = asked_as(actor.user, approval)
    if asked is None:
        seen(actor, approval.pk)
        raise no_right(actor, approval)
    around = beside(approval, actor.user_id)
    config, earlier = around.glance.config, around.decisions
    first = first_answer.first_of(approval, earlier)
    to_name = first_answer.to_name(approval, first)
    if fingerprint != to_name or approval.fingerprint != proposal.fingerprint:
        raise Changed(now_is=to_name)
    case_transitions.with_type(case, config.type_rows)
    writes = stored.writes_of(proposal, config)
    _check_option(proposal, option, next((one for one in earlier if one.option == REJECT), first))
    fixed = _fixed(option, first)
    own = _check_edits(writes, option, edits, fixed)
    _check_reason(proposal, option, own, reason)
    edits = own if fixed is None else fixed
    risk = risk_as_edited(approval, writes, option, edits)
    if actor.token_name and risk == "high":
        raise NoRight(_("A high-risk decision is made in the browser, not with a token. Nothing was decided."))
    more["confirmed"] = ticked(
        case,
        proposal,
        writes,
        option=option,
        edits=edits,
        said=more["confirmed"],
        evidence=more.pop("evidence"),
        config=config,
        now=now,
    )
    given = step_up.check(actor, approval, asked.team, risk, config, proof, now)
    decision = rows.fresh(
        Decision,
        approval=approval,
        user_id=actor.user_id,
        label=actor.label,
        token_name=actor.token_name,
        covering_id=asked.covering_id,
        covering_label=asked.covering,
        override=asked.override,
        team=asked.team,
        place="" if any(one.user_id == actor.user_id for one in around.named) else asked.place,
        option=option,
        edits=edits,
        reason=reason,
        fingerprint=fingerprint,
        nonce=nonce,
        step_up=given.method if given else "",
        step_up_at=given.at if given else None,
        at=now,
        **more,
    )
    rows.insert(decision)
    if read is not None:
        rows.send()  # its reading names its number
        rows.insert(
            Reading(decision=decision, seconds=read.seconds, words=read.words, folded=read.folded, opened=read.opened)
        )
    entries = [_decided_entry(actor, approval, proposal, decision, writes, now)]
    if own and fresh is not None:
        judge_edited(case, approval, proposal, writes, option, own, fresh, now)
    entries += conclude(actor, approval, proposal, writes, [*earlier, decision], around, now)
    go_on(case, approval, entries, now)
    return approval


# ---------------------------------------------------------------------- checks


def _check_option(proposal: Proposal, option: str, first: Decision | None) -> None:
    chosen = next((o for o in proposal.options if o["name"] == option), None)
    if chosen is None:
        names = ", ".join(o["name"] for o in proposal.options)
        raise Incorrect(
            _("Choose one of: %(names)s. Nothing was decided.") % {"names": names}, fields={"option": [names]}
        )
    if not chosen["allowed"]:
        raise NotAllowed(
            here(chosen["why"]),
            rules=[r["name"] for r in proposal.rules if r["option"] == option],
        )
    if first is not None and option not in (first.option, REJECT):
        raise Incorrect(
            _("%(who)s chose “%(option)s”. Confirm that or reject it. Nothing was decided.")
            % {"who": first.who, "option": first.option},
            fields={"option": [first.option]},
        )


def _fixed(option: str, first: Decision | None) -> dict[str, Any] | None:
    """The values that stand already: the first one's, or for a reject after another option none. None: one's own do."""
    if first is None:
        return None
    return dict(first.edits) if option == first.option else {}


def _check_edits(
    writes: list[Write], option: str, edits: dict[str, dict[str, Any]], fixed: Edits | None
) -> dict[str, dict[str, Any]]:
    """One's own changes: only what the operation lets an approver change, within its schema.

    `fixed`: the first one's, where their option is confirmed; then there are none of one's own.
    """
    if fixed is not None:
        if edits and plain_text(edits) != plain_text(fixed):
            raise Incorrect(
                _("The first person fixed the values; confirm them or reject. Nothing was decided."),
                fields={"edits": []},
            )
        return {}
    by_name = {w.name: w for w in writes if w.option == option}
    changed: dict[str, dict[str, Any]] = {}
    for name, values in edits.items():
        write = by_name.get(name)
        if write is None:
            raise Incorrect(
                _("This option has no write %(name)s. Nothing was decided.") % {"name": name}, fields={"edits": [name]}
            )
        locked = sorted(set(values) - set(write.operation.editable))
        if locked:
            raise Incorrect(
                _("%(names)s cannot be changed here. Nothing was decided.") % {"names": ", ".join(locked)},
                fields={"edits": locked},
            )
        problems = schemas.check(write.operation.arguments, {**write.proposed, **values})
        if problems:
            words = " ".join([*problems, _("Nothing was decided.")])
            raise Incorrect(words, write=name, fields={"edits": problems})
        real = {k: v for k, v in values.items() if plain_text([write.proposed.get(k)]) != plain_text([v])}
        if real:
            changed[name] = real
    return changed


def _check_reason(proposal: Proposal, option: str, edits: dict[str, Any], reason: str) -> None:
    differs = bool(proposal.suggested) and option != proposal.suggested
    if not reason and (option == REJECT or edits or differs):
        raise ReasonRequired(
            _(
                "Say why: a reason is needed to reject, to change a value or to differ from the suggestion. "
                "Nothing was decided."
            ),
            fields={"reason": [_("Write a reason or choose one.")]},
        )


def foresee(*, actor: Actor, approval_id: Any, option: str, edits: Edits) -> Refusal | None:
    """What a decision with these changes would be refused with, found out before it is made; None: nothing is known.

    The rules judge the changed writes as they would on the decision. Nothing is kept but what was read for it.
    Raises `NoRight` for who may not decide it.
    """
    wanted = {name: dict(values) for name, values in edits.items() if values}
    approval = seen(actor, approval_id)
    if approval.state != A.WAITING:
        return None  # the decision itself says who was first
    try:
        must_be_asked(actor, approval)
    except NoRight as refusal:
        _refused(approval.pk, actor, refusal)
        raise
    if not wanted or approval.decisions.filter(undone_at=None).exists():
        return None
    fresh = look_afresh(approval, option, wanted)
    with transaction.atomic():
        writes = list(approval.proposal.writes.select_related("operation__system").order_by("option", "position"))
        try:
            case = case_transitions.lock(approval.case_id)
            judge_edited(case, approval, approval.proposal, writes, option, wanted, fresh, database_now())
        except (HigherNeeded, NotAllowed) as refusal:
            return refusal
        finally:
            transaction.set_rollback(True)
    return None


# ---------------------------------------------------------------------- undo


def undo(*, actor: Actor, approval_id: Any) -> Approval:
    """Take a decision back while its hold lasts: the approval waits again with its old deadline, at least 15 min."""
    approval = seen(actor, approval_id)
    with transaction.atomic():
        case = case_transitions.lock(approval.case_id)
        proposal = Proposal.objects.select_for_update().get(pk=approval.proposal_id)
        approval = transitions.lock(approval.pk)
        now = database_now()
        if not can_undo(actor.user, approval):
            if (undone := transitions.already_undone(approval, actor, now)) is not None:
                raise undone
            raise NoRight(_("Only who decided it can take it back. Nothing was changed."))
        if approval.state != A.DECIDED or approval.hold_until is None or approval.hold_until <= now:
            raise WrongState(_("The hold is over. Start a reversal instead; nothing was changed."))
        writes = list(proposal.writes.select_related("operation__system"))
        if any(w.state not in ("held", "waiting") for w in writes):
            raise WrongState(_("It is being written already. Start a reversal instead; nothing was changed."))
        entry = permits.take_back(proposal, writes, actor=actor, why="undone", now=now)
        approval.decisions.filter(undone_at=None).update(undone_at=now)
        due = max(approval.due_at, now + AT_LEAST) if approval.due_at else None
        transitions.move(
            approval,
            A.WAITING,
            decided_at=None,
            decided_option="",
            hold_until=None,
            due_at=due,
            fingerprint=proposal.fingerprint,
            changed_at=now,
        )
        first = approval.asked.order_by("stage").values_list("stage", flat=True).first() or 0
        approval.asked.filter(stage=first).update(closed=False)
        data = {"approval": str(approval.pk), "title": approval.title}
        case_transitions.save(
            case, [Entry("approval.undone", actor, data), entry], now=now, **case_transitions.wake(case, now)
        )
        doorbell.ring()
    return approval


# ---------------------------------------------------------------------- the record


def _decided_entry(
    actor: Actor, approval: Approval, proposal: Proposal, decision: Decision, writes: list[Write], now: datetime
) -> Entry:
    """Approval lines show proposed and decided; carried out comes with the writes."""
    data = {
        "approval": str(approval.pk),
        "proposal": str(proposal.pk),
        "title": approval.title,
        "option": decision.option,
        "option_title": next((o["title"] for o in proposal.options if o["name"] == decision.option), ""),
        "suggested": proposal.suggested,
        "reason": decision.reason,
        "reason_code": decision.reason_code,
        "confirmed": decision.confirmed,
        "team": decision.team,
        "covering": decision.covering_label,
        "override": decision.override,
        "edits": decision.edits,
        "before": {
            w.name: {k: w.proposed.get(k) for k in decision.edits[w.name]}
            for w in writes
            if w.option == decision.option and w.name in decision.edits
        },
        "amounts": {
            w.name: {"argument": w.operation.money, "currency": w.currency}
            for w in writes
            if w.option == decision.option and w.name in decision.edits and isinstance(w.operation.money, str)
        },
        "fingerprint": decision.fingerprint,
        "seconds": round((now - approval.created_at).total_seconds(), 1),
    }
    if decision.step_up:
        data["step_up"] = {"method": decision.step_up, "at": decision.step_up_at}
    return Entry("approval.decided", actor, data)


def _refused(approval_id: Any, actor: Actor, refusal: Refusal) -> None:
    """A refused attempt to decide is remembered too, after the rollback; also of one that is not even seen."""
    try:
        known = Approval.objects.filter(pk=approval_id).values_list("case_id", flat=True).first()
    except (ValidationError, ValueError):
        return
    if known is None:
        return
    with transaction.atomic():
        case = case_transitions.lock(known)
        now = database_now()
        data = {"approval": str(approval_id), "why": refusal.message}
        case_transitions.save(case, [Entry("approval.refused", actor, data)], now=now)
