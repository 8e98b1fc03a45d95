"""Records of floor 1 into rows: calendars, teams, the company, request types and what belongs to them."""

from typing import Any

from django.contrib.auth.models import Group

from agents.models import Agent, CompanyCalls, Operation, System
from cases.calendars import duration
from cases.models import Calendar, Company, Fact, RequestType, Step, Team, Template
from cases.permissions import give_team_rights
from orchestrator.workmap.applying import type_parts
from orchestrator.workmap.applying.writer import Writer
from orchestrator.workmap.records import DEFAULTS, Record


def calendar(record: Record, writer: Writer) -> None:
    row = Calendar.objects.filter(name=record["name"]).first() or Calendar(name=record["name"])
    writer.keep(
        row,
        title=record.get("title", ""),
        hours=record["hours"],
        holidays=record.get("holidays", ""),
        retired=False,
    )


def team(record: Record, writer: Writer) -> None:
    """The team and its group. The team it passes up to is there already."""
    name = record["name"]
    row = Team.objects.filter(name=name).first() or Team(name=name, group=Group.objects.get_or_create(name=name)[0])
    above = Team.objects.get(name=record["escalates_to"]) if "escalates_to" in record else None
    step_up = record.get("step_up", False)
    writer.keep(row, title=record.get("title", ""), escalates_to=above, step_up=step_up, retired=False)


def company(record: Record, writer: Writer) -> None:
    whole = {**DEFAULTS["company"], **record}
    writer.keep(
        Company.objects.filter(pk=1).first() or Company(pk=1),
        name=whole["name"],
        currency=whole["currency"],
        time_zone=whole["time_zone"],
        languages=whole["languages"],
        hold_seconds=duration(whole["hold"]).seconds,
        step_up=whole.get("step_up", ""),
        step_up_seconds=duration(whole["step_up_lasts"]).seconds,
    )
    customer, reply = record.get("customer", {}), record.get("reply", {})
    writer.keep(
        CompanyCalls.objects.filter(pk=1).first() or CompanyCalls(pk=1),
        customer=Operation.objects.get(name=customer["look_up"]) if customer else None,
        customer_arguments=customer.get("arguments", {}),
        customer_path=customer.get("path", ""),
        reply=Operation.objects.get(name=reply["operation"]) if reply else None,
        reply_with=reply.get("with", {}),
    )


def request_type(record: Record, writer: Writer) -> None:
    """The type and everything in it. Parts that are no longer in the record are retired."""
    teams = {team.name: team for team in Team.objects.select_related("group")}
    row = RequestType.objects.filter(name=record["name"]).first() or RequestType(name=record["name"])
    writer.keep(
        row,
        title=record.get("title", ""),
        team=teams[record["team"]],
        lead=teams[record["lead"]],
        risk=record.get("risk", "medium"),
        confidential=record.get("confidential", False),
        suggestion_after_choice=record.get("suggestion_after_choice", False),
        examples=record.get("examples", []),
        phrases=record.get("phrases", []),
        tables=record.get("tables", {}),
        customer_fact=record.get("customer", ""),
        routes=record.get("routes", []),
        due=record.get("due", {}),
        reasons=record.get("reasons", []),
        retired=False,
    )
    give_team_rights(row)
    templates = _templates(row, record, writer)
    _facts(row, record, writer)
    _steps(row, record, writer, teams)
    type_parts.card(row, record.get("fallback"), writer, templates, teams, _systems())


def _systems() -> dict[str, System]:
    return {system.name: system for system in System.objects.all()}


def _templates(row: RequestType, record: Record, writer: Writer) -> dict[str, Template]:
    there = {template.name: template for template in Template.objects.filter(type=row)}
    for said in record.get("templates", []):
        texts = {language: text for language, text in said.items() if language != "name"}
        template = there.setdefault(said["name"], Template(type=row, name=said["name"]))
        writer.keep(template, texts=texts, retired=False)
    _retire(there, record.get("templates", []), writer)
    return there


def _facts(row: RequestType, record: Record, writer: Writer) -> None:
    there = {fact.name: fact for fact in Fact.objects.filter(type=row).prefetch_related("sources")}
    operations = {operation.name: operation for operation in Operation.objects.all()}
    for position, said in enumerate(record.get("facts", [])):
        fact = there.setdefault(said["name"], Fact(type=row, name=said["name"]))
        writer.keep(
            fact,
            title=said.get("title", ""),
            kind=said.get("kind", "text"),
            required=said.get("required", False),
            position=position,
            retired=False,
        )
        type_parts.sources(fact, said.get("from", []), writer, operations)
    _retire(there, record.get("facts", []), writer)


def _steps(row: RequestType, record: Record, writer: Writer, teams: dict[str, Team]) -> None:
    there = {step.name: step for step in Step.objects.filter(type=row).select_related("work")}
    agents = {agent.name: agent for agent in Agent.objects.all()}
    for position, said in enumerate(record.get("steps", [])):
        step = there.setdefault(said["name"], Step(type=row, name=said["name"]))
        writer.keep(
            step,
            does=said.get("does", ""),
            position=position,
            after=said.get("after", []),
            when=said.get("when", {}),
            on_failure=said.get("on_failure", "hand_over"),
            team=teams[said["team"]] if "team" in said else None,
            retired=False,
        )
        type_parts.work(step, said, writer, agents)
    _retire(there, record.get("steps", []), writer)


def _retire(there: dict[str, Any], said: list[Record], writer: Writer) -> None:
    """Parts that are no longer said. Rows stay: cases and runs of before name them."""
    names = {part["name"] for part in said}
    for name, row in there.items():
        if name not in names:
            writer.keep(row, retired=True)
