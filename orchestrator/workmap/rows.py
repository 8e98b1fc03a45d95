"""Rows of the floors below as records of the map: one function a kind of record. No queries of their own.

The admin forms use them on rows that are not saved yet, so that one check serves file and form.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from agents.models import (
    Agent,
    CompanyCalls,
    FactSource,
    FallbackCard,
    FallbackStep,
    Grant,
    Operation,
    StepWork,
    System,
)
from approvals.models import Rule
from cases.models import Calendar, Company, Fact, RequestType, Step, Team, Template
from orchestrator.workmap.records import Record, length, normal, plain_number


def _said(pairs: Mapping[str, Any]) -> Record:
    """The record without what is not said. Empty values that mean something are in `normal`'s hands."""
    return {key: value for key, value in pairs.items() if value is not None and value != ""}


def _name(row: Any) -> str | None:
    return None if row is None else str(row.name)


def company(row: Company, calls: CompanyCalls | None) -> Record:
    record = _said(
        {
            "name": row.name,
            "currency": row.currency,
            "time_zone": row.time_zone,
            "languages": row.languages,
            "hold": length(row.hold_seconds),
            "step_up": row.step_up,
            "step_up_lasts": length(row.step_up_seconds),
        }
    )
    if calls and calls.customer:
        record["customer"] = {
            "look_up": calls.customer.name,
            "arguments": calls.customer_arguments,
            "path": calls.customer_path,
        }
    if calls and calls.reply:
        record["reply"] = {"operation": calls.reply.name, "with": calls.reply_with}
    return normal("company", record)


def calendar(row: Calendar) -> Record:
    return normal(
        "calendar",
        _said({"name": row.name, "title": row.title, "hours": row.hours, "holidays": row.holidays}),
    )


def team(row: Team) -> Record:
    said = {"name": row.name, "title": row.title, "escalates_to": _name(row.escalates_to), "step_up": row.step_up}
    return normal("team", _said(said))


def system(row: System) -> Record:
    record = {
        "name": row.name,
        "title": row.title,
        "connector": row.connector,
        "url": row.url,
        "auth": row.auth,
        "owner": _name(row.owner),
        "private_network": row.private_network,
        "timeout": length(row.timeout_seconds),
        "answer": row.answer,
        "page": row.page,
    }
    return normal("system", _said(record))


def operation(row: Operation) -> Record:
    record = {
        "name": row.name,
        "title": row.title,
        "level": row.level,
        "kind": row.kind,
        "arguments": row.arguments or None,
        "call": row.call,
        "case_key": row.case_key,
        "keep": row.keep,
        "money": row.money,
        "currency": row.currency,
        "effect_key": row.effect_key,
        "version": row.version_of,
        "read_back": row.read_back,
        "undo": row.undo,
        "editable": row.editable,
        "secret": row.secret,
        "masked": row.masked,
        "shows": row.shows,
        "page": row.page,
        "risk": row.risk,
        "high_above": None if row.high_above is None else plain_number(row.high_above),
        "hold": None if row.hold_seconds is None else length(row.hold_seconds),
        "suspended": row.suspended,
    }
    return normal("operation", _said(record))


def agent(row: Agent) -> Record:
    record = {
        "name": row.name,
        "title": row.title,
        "purpose": row.purpose,
        "owner": _name(row.owner),
        "brain": row.brain,
        "limits": row.limits,
        "active": row.active,
    }
    return normal("agent", _said(record))


def grant(row: Grant) -> Record:
    record = {
        "agent": row.agent.name,
        "operation": row.operation.name,
        "reason": row.reason,
        "since": row.since and row.since.isoformat(),
        "until": row.until and row.until.isoformat(),
        "types": row.types,
        "steps": row.steps,
        "fields": row.fields,
        "limits": row.limits,
    }
    return normal("grant", _said(record))


def rule(row: Rule) -> Record:
    record = {"name": row.name, "title": row.title, "when": row.when, "then": row.then, "active": row.active}
    return normal("rule", _said(record))


def request_type(row: RequestType, parts: Mapping[str, list[Record]], card: Record | None) -> Record:
    """`parts`: its facts, steps and templates as records."""
    record = {
        "name": row.name,
        "title": row.title,
        "team": row.team.name,
        "lead": row.lead.name,
        "risk": row.risk,
        "confidential": row.confidential,
        "suggestion_after_choice": row.suggestion_after_choice,
        "examples": row.examples,
        "phrases": row.phrases,
        "facts": parts["facts"],
        "tables": row.tables,
        "customer": row.customer_fact,
        "routes": row.routes,
        "due": row.due,
        "steps": parts["steps"],
        "fallback": card,
        "templates": parts["templates"],
        "reasons": row.reasons,
    }
    return normal("request_type", _said(record))


def fact(row: Fact, sources: Iterable[FactSource]) -> Record:
    record = {
        "name": row.name,
        "title": row.title,
        "kind": row.kind,
        "required": row.required,
        "from": [dict(source.settings) for source in sources],
    }
    return _said(record)


def step(row: Step, work: StepWork | None) -> Record:
    record: Record = {
        "name": row.name,
        "after": row.after,
        "when": row.when,
        "does": row.does,
        "on_failure": row.on_failure,
    }
    if row.team is not None:
        record["team"] = row.team.name
    elif work is not None:
        record |= {"agent": work.agent.name, "operations": work.operations, "procedure": work.procedure}
    return _said(record)


def template(row: Template) -> Record:
    return {"name": row.name, **row.texts}


def card(row: FallbackCard, lines: Iterable[FallbackStep], record_in: Iterable[System]) -> Record:
    listed = [_said({"title": line.title, "system": _name(line.system), "look_for": line.look_for}) for line in lines]
    record = {
        "steps": listed,
        "template": _name(row.template),
        "approver": _name(row.approver),
        "record_in": sorted(system.name for system in record_in),
    }
    return _said(record)
