"""Brings records into force as rows of the floors below. Only inside the transaction of `loading.py`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agents.models import Agent, Operation, Policy, Switch, System
from approvals.models import Rule
from cases.models import Calendar, RequestType, Team
from orchestrator.workmap.applying import floor_one, floor_two
from orchestrator.workmap.applying.writer import Writer
from orchestrator.workmap.live import Live
from orchestrator.workmap.records import Key, Record, Records
from orchestrator.workmap.rule_words import sentences

# What is named comes before what names it.
MAKES = ("calendar", "team", "system", "operation", "agent", "company", "request_type", "grant", "rule")
MODELS: dict[str, Any] = {
    "calendar": Calendar,
    "team": Team,
    "system": System,
    "operation": Operation,
    "agent": Agent,
    "request_type": RequestType,
    "rule": Rule,
}
MAKERS: dict[str, Callable[[Record, Writer], None]] = {
    "calendar": floor_one.calendar,
    "team": floor_one.team,
    "system": floor_two.system,
    "operation": floor_two.operation,
    "agent": floor_two.agent,
    "company": floor_one.company,
    "request_type": floor_one.request_type,
}
SWITCHED = {"agent": Switch.Scope.AGENT, "request_type": Switch.Scope.TYPE, "system": Switch.Scope.SYSTEM}


def apply(changes: Mapping[Key, Record | None], live: Live, after: Records, writer: Writer) -> bool:
    """Write the changed records (None: retire it); whether any row changed. `after`: all as they will be."""
    # Triggers raise the epoch with every change (agents/migrations/0003); the row must be there for them.
    Policy.objects.bulk_create([Policy(pk=1)], ignore_conflicts=True)
    for what in MAKES:
        of_kind = {name: record for (kind, name), record in changes.items() if kind == what and record is not None}
        for name in _in_order(what, of_kind):
            _make(what, name, of_kind[name], live, after, writer)
    for what in reversed(MAKES):
        for (kind, name), record in changes.items():
            if kind == what and record is None:
                row = live.grants[name] if what == "grant" else MODELS[what].objects.get(name=name)
                writer.keep(row, retired=True)
    _switches(changes, live)
    return bool(writer.changed)


def _make(what: str, name: str, record: Record, live: Live, after: Records, writer: Writer) -> None:
    if what == "grant":
        floor_two.grant(live.grants.get(name), record, writer)
    elif what == "rule":
        floor_two.rule(record, writer, sentences(record, after))
    else:
        MAKERS[what](record, writer)


def _in_order(what: str, records: Mapping[str, Record]) -> Iterable[str]:
    """Teams after the team they pass up to; the rest as they come."""
    if what != "team":
        return list(records)
    ordered: list[str] = []
    for name in records:
        line = [name]
        while (above := records[line[-1]].get("escalates_to")) in records and above not in line:
            line.append(str(above))
        ordered += [team for team in reversed(line) if team not in ordered]
    return ordered


def _switches(changes: Mapping[Key, Record | None], live: Live) -> None:
    """Every agent, type and system has its pause switch, and there is one for all.

    That of an agent that was switched off, and is on again, says that the cases it was to work on are to be woken.
    """
    wanted = [Switch(scope=Switch.Scope.ALL, name="")]
    wanted += [Switch(scope=SWITCHED[what], name=name) for what, name in changes if what in SWITCHED]
    Switch.objects.bulk_create(wanted, ignore_conflicts=True)
    on = [name for (what, name), record in changes.items() if what == "agent" and record and record.get("active", True)]
    again = [name for name in on if live.records.get(("agent", name), {}).get("active", True) is False]
    Switch.objects.filter(scope=Switch.Scope.AGENT, name__in=again).update(settled=False)
