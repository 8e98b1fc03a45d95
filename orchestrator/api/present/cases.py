"""A case, its facts, steps, messages and events as JSON. An agent is shown less: `for_agent`."""

from collections.abc import Sequence
from typing import Any

from agents import configuration
from agents.fields import seen_through
from agents.models import Agent, Grant, Proposal, Run
from approvals.masks import Masks
from approvals.models import Approval
from cases import story
from cases.clock import database_now
from cases.models import Case, Event, Fact, Message
from cases.telling import told
from cases.texts import here
from cases.values import UNKNOWN
from orchestrator.api import selectors
from orchestrator.api.calls import Call
from orchestrator.api.plain import moment, money, plain
from orchestrator.api.sight import grants_of, may_call


def line(case: Case, call: Call) -> dict[str, Any]:
    """A case as one entry of a list."""
    return {
        "number": case.number,
        "type": case.type.name if case.type else None,
        "subject": case.subject,
        "confidence": case.confidence,
        "status": case.status,
        "holder": {"kind": case.holder_kind, "name": _holder(case)},
        "turn": case.turn,
        "due": {
            "first_reply": moment(case.first_reply_due),
            "finish": moment(case.finish_due),
            "late": case.late_since is not None,
        },
        "outcome": case.outcome,
        "created_at": moment(case.created_at),
        "updated_at": moment(case.updated_at),
        "url": call.address(f"/api/v1/cases/{case.number}/"),
    }


def received(case: Case, call: Call) -> dict[str, Any]:
    """A case as its requester sees it: where it stands, in plain words and in the language of the request."""
    return {
        "case": case.number,
        "status": case.status,
        "url": call.address(f"/api/v1/cases/{case.number}/"),
        "told": told(case),
    }


def whole(case: Case, call: Call, *, currency: str) -> dict[str, Any]:
    """A case with everything about it that this token may see."""
    agent = call.token.agent if call.is_agent else None
    proposals = list(selectors.proposals_of(case, agent))
    return line(case, call) | {
        "facts": facts(case, currency=currency, agent=agent),
        "steps": steps(case),
        "proposals": [proposal_line(row) for row in proposals],
        "approvals": [approval_line(row) for row in _approvals(case, proposals, agent)],
        "messages": [message(row) for row in selectors.messages_of(case, notes=agent is None)],
        "source": case.source,
        "channel": case.channel,
        "lacked": plain(case.lacked),
        "promised": case.promised if agent is None else "",
    }


def facts(case: Case, *, currency: str, agent: Agent | None = None) -> dict[str, Any]:
    """Every declared fact: value, whether it is known, its source and the time it was read."""
    grants = grants_of(agent, case) if agent else None
    return {
        fact.name: _fact(fact, case.facts.get(fact.name) or {}, currency, grants) for fact in selectors.facts_of(case)
    }


def _fact(fact: Fact, found: dict[str, Any], currency: str, grants: dict[str, Grant] | None) -> dict[str, Any]:
    known = bool(found.get("known"))
    value = found.get("value") if known else None
    if grants is not None:
        value = _granted(fact, value, grants)
    if fact.kind == "money" and value is not None:
        value = money(value.get("amount") if isinstance(value, dict) else value, currency) or value
    return {
        "title": here(fact.title) or fact.name,
        "kind": fact.kind,
        "value": plain(value),
        "known": known,
        "source": str(here(found.get("source"))),
        "at": found.get("at"),
    }


def _granted(fact: Fact, value: Any, grants: dict[str, Grant]) -> Any:
    """What an agent may see of a fact: what the requester wrote, and look-ups it is granted, by their
    fields.
    """
    sources = [source for source in fact.sources.all() if not source.retired]
    kinds = {source.kind for source in sources}
    if kinds and kinds <= {"form", "message"}:
        return value
    if kinds == {"look_up"} and all(source.operation and source.operation.name in grants for source in sources):
        for source in sources:
            fields = grants[source.operation.name].fields if source.operation else []
            value = seen_through(value, source.settings.get("path"), fields)
        return None if value is UNKNOWN else value
    return None


def steps(case: Case) -> list[dict[str, Any]]:
    """The steps in order. One that was begun and whose proposal waits for people is open, not waiting for its turn."""
    begun = Run.objects.filter(case=case, turn=case.turn, state=Run.State.OPEN).values_list("step", flat=True)
    now = {name: step.get("state", "waiting") for name, step in case.steps.items()}
    now |= {name: "open" for name in begun if now.get(name, "waiting") == "waiting"}
    return [
        {
            "name": step.name,
            "agent": agent,
            "team": team,
            "state": now.get(step.name, "waiting"),
        }
        for step, agent, team in selectors.steps_of(case)
    ]


def runs(rows: Sequence[Run], agent: Agent) -> list[dict[str, Any]]:
    """Steps an agent has to do, each with the operations it is granted for it."""
    does = selectors.does_of(rows)
    config, now = configuration.current(), database_now()
    return [
        {
            "id": row.pk,
            "case": row.case.number,
            "type": row.case.type.name if row.case.type else None,
            "step": row.step,
            "does": here(does.get((row.case.type_id, row.step))),
            "agent": agent.name,
            "turn": row.turn,
            "state": row.state,
            "started_at": moment(row.started_at),
            "operations": may_call(agent, row.case, row.step, config, now),
        }
        for row in rows
    ]


def message(row: Message) -> dict[str, Any]:
    return {
        "id": row.pk,
        "direction": row.direction,
        "author": row.author,
        "text": row.text,
        "by_ai": row.by_ai,
        "private": row.direction == Message.Direction.NOTE,
        "at": moment(row.at),
    }


def proposal_line(row: Proposal) -> dict[str, Any]:
    return {"id": str(row.pk), "step": row.step, "state": row.state, "created_at": moment(row.created_at)}


def approval_line(row: Approval) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "proposal": str(row.proposal_id),
        "state": row.state,
        "due": moment(row.due_at),
    }


def event(row: Event, masks: Masks) -> dict[str, Any]:
    """One event of the ledger with its hash, in words and with its values unless they were erased or are masked."""
    detail = getattr(row, "detail", None)
    data = masks.hide(dict(detail.data)) if detail else {}
    return {
        "seq": row.seq,
        "at": moment(row.at),
        "code": row.code,
        "actor": row.actor,
        "kind": story.kind_of(row.code),
        "sentence": str(story.sentence(row.code, row.actor, data)),
        "detail": {key: value for key, value in data.items() if key != "_actor"} if detail else None,
        "hash": row.hash,
    }


def _holder(case: Case) -> str:
    if case.holder_kind == Case.Holder.PERSON and case.holder_user:
        return case.holder_user.get_full_name() or case.holder_user.username
    if case.holder_kind == Case.Holder.TEAM and case.holder_team:
        return case.holder_team.name
    return "AI"


def _approvals(case: Case, proposals: list[Proposal], agent: Agent | None) -> list[Approval]:
    rows = Approval.objects.filter(case=case).order_by("created_at", "id")
    return list(rows.filter(proposal__in=[row.pk for row in proposals]) if agent else rows)
