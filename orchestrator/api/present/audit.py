"""The complete answer to "why?" for one case: the seven records of product.md, each from rows and the
ledger.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from agents.models import Proposal, Run, Write
from approvals.models import Approval, Decision
from cases import story
from cases.ledger import Verdict
from cases.models import Case, Event
from cases.texts import here
from orchestrator.api.plain import moment, money, plain
from orchestrator.api.present.common import rules, without_secrets


def source(case: Case, events: Sequence[Event]) -> dict[str, Any]:
    """1. Where the request came from, and as what it was sorted."""
    first = next((event for event in events if event.code == "request.received"), None)
    return {
        "source": case.source,
        "channel": case.channel,
        "received_at": moment(case.created_at),
        "from": {"name": case.requester_name, "contact": case.contact, "customer": case.customer},
        "customer_known_by": case.customer_from,
        "through": _detail(first).get("through", "") if first else "",
        "external_id": case.external_id,
        "type": case.type.name if case.type else None,
        "confidence": case.confidence,
        "sorting": plain(case.sorting),
    }


def data_used(case: Case, events: Iterable[Event]) -> list[dict[str, Any]]:
    """2. What was read: system, record, fields, how many, by whom, when; and the facts that came of it."""
    read = [
        {
            "what": "read" if event.code == "data.read" else event.code,
            "by": event.actor,
            "at": moment(event.at),
        }
        | {key: value for key, value in _detail(event).items() if key != "_actor"}
        for event in events
        if story.kind_of(event.code) == "data"
    ]
    facts = [
        {"what": "fact", "fact": name, **plain(found | {"why": here(found.get("why"))})}
        for name, found in case.facts.items()
        if isinstance(found, dict) and not name.startswith("_")
    ]
    return read + facts


def agents(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """3. Which agent did which step, in which turn, with how many calls, under which versions."""
    return [
        {
            "agent": run.agent.name if run.agent else "control layer",
            "step": run.step,
            "turn": run.turn,
            "state": run.state,
            "calls": run.calls,
            "attempts": run.attempts,
            "versions": plain(run.versions),
            "result": plain(run.result),
            "started_at": moment(run.started_at),
            "ended_at": moment(run.ended_at),
        }
        for run in runs
    ]


def judged(proposals: Iterable[Proposal]) -> list[dict[str, Any]]:
    """4. The rules that were judged, with the values they compared."""
    return [
        {**rule, "proposal": str(row.pk), "at": moment(row.created_at)}
        for row in proposals
        for rule in rules(row.rules)
    ]


def approvals(rows: Iterable[Approval]) -> list[dict[str, Any]]:
    """5. Who was asked, who decided what, when, why, and which undo followed."""
    return [
        {
            "id": str(row.pk),
            "proposal": str(row.proposal_id),
            "title": here(row.title),
            "state": row.state,
            "turn": row.turn,
            "fingerprint": row.fingerprint,
            "asked": [
                {
                    "team": asked.team.name,
                    "people": asked.people,
                    "since": moment(asked.since),
                    "passed_up_from": asked.passed_up_from,
                }
                for asked in row.asked.all()
            ],
            "due": moment(row.due_at),
            "decisions": [decision(one) for one in row.decisions.all()],
        }
        for row in rows
    ]


def decision(row: Decision) -> dict[str, Any]:
    return {
        "by": row.label,
        "covering_for": row.covering_label,
        "for_empty_position": row.override,
        "through_token": row.token_name,
        "team": row.team,
        "option": row.option,
        "edits": plain(row.edits),
        "reason": row.reason,
        "fingerprint": row.fingerprint,
        "at": moment(row.at),
        "undone_at": moment(row.undone_at),
    }


def writes(rows: Iterable[Write]) -> list[dict[str, Any]]:
    """6. What was to be written where, what was, and the reference there."""
    return [
        {
            "id": str(row.pk),
            "name": row.name,
            "system": row.operation.system.name,
            "operation": row.operation.name,
            "option": row.option,
            "state": row.state,
            "money": money(row.money, row.currency),
            "proposed": without_secrets(row.proposed, row.operation.secret),
            "decided": without_secrets(row.decided, row.operation.secret) if row.decided is not None else None,
            "carried_out": without_secrets(row.carried_out, row.operation.secret) if row.carried_out else None,
            "permit": {
                "from": row.permit_source,
                "fingerprint": row.permit_fingerprint,
                "until": moment(row.permit_until),
            },
            "reference": row.reference,
            "result": plain(row.result),
            "error": row.error,
            "attempts": row.attempts,
            "reserved_at": moment(row.reserved_at),
            "ended_at": moment(row.ended_at),
            "repaired": plain(row.repaired),
        }
        for row in rows
    ]


def problems(events: Iterable[Event]) -> list[dict[str, Any]]:
    """7. What failed, who took over, how the record was repaired."""
    told = {"case.taken_over", "case.handed_back", "case.with_people"}
    return [
        {
            "code": event.code,
            "by": event.actor,
            "at": moment(event.at),
            "sentence": str(story.sentence(event.code, event.actor, _detail(event))),
        }
        for event in events
        if event.code in told or story.kind_of(event.code) == "problem"
    ]


def verified(verdict: Verdict, *, at: Any, words: str | None) -> dict[str, Any]:
    """What verifying found; `words` names the first broken event, None if there is none."""
    return {
        "holds": verdict.first_broken is None,
        "events": verdict.events,
        "chains": verdict.chains,
        "erased": verdict.erased,
        "first_broken": words,
        "checked_at": moment(at),
    }


def _detail(event: Event | None) -> dict[str, Any]:
    detail = getattr(event, "detail", None)
    return dict(detail.data) if detail else {}
