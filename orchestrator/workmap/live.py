"""The records in force, read from the floors below with one query a kind, and apart from them what is retired."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch

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
from orchestrator.workmap import rows
from orchestrator.workmap.records import Record, Records, name_of_grant


@dataclass(slots=True)
class Live:
    """`grants`: the row of each grant's name, retired ones too. `taken`: how many an agent and operation ever had.

    `retired`: what a retired record was when it was last in force. Grants and rules are not there: a grant that comes
    back gives anew, and a rule that was retired asked nobody meanwhile.
    """

    records: Records = field(default_factory=dict)
    retired: Records = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    taken: dict[tuple[str, str], int] = field(default_factory=dict)


def read() -> Live:
    """Everything in force, in normal form."""
    live = Live()
    company = Company.objects.filter(pk=1).first()
    if company is not None:
        calls = CompanyCalls.objects.select_related("customer", "reply").filter(pk=1).first()
        live.records["company", ""] = rows.company(company, calls)
    for calendar in Calendar.objects.all():
        _put(live, "calendar", calendar, rows.calendar(calendar))
    for team in Team.objects.select_related("escalates_to"):
        _put(live, "team", team, rows.team(team))
    for system in System.objects.select_related("owner"):
        _put(live, "system", system, rows.system(system))
    for operation in Operation.objects.all():
        _put(live, "operation", operation, rows.operation(operation))
    for agent in Agent.objects.select_related("owner"):
        _put(live, "agent", agent, rows.agent(agent))
    _grants(live)
    for type_ in types():
        _put(live, "request_type", type_, type_record(type_))
    for rule in Rule.objects.filter(retired=False):
        live.records["rule", rule.name] = rows.rule(rule)
    return live


def _put(live: Live, what: str, row: Any, record: Record) -> None:
    (live.retired if row.retired else live.records)[what, row.name] = record


def _grants(live: Live) -> None:
    """Grants are named by agent, operation and which of these it is, counting the retired: names never move."""
    for grant in Grant.objects.select_related("agent", "operation").order_by("pk"):
        pair = (grant.agent.name, grant.operation.name)
        live.taken[pair] = live.taken.get(pair, 0) + 1
        name = name_of_grant(*pair, live.taken[pair])
        live.grants[name] = grant
        if not grant.retired:
            live.records["grant", name] = rows.grant(grant)


def types(names: Iterable[str] | None = None) -> list[RequestType]:
    """Request types (of these names), retired ones too, with all that belongs to them."""
    sources = FactSource.objects.filter(retired=False).order_by("position")
    facts = Fact.objects.filter(retired=False).order_by("position", "pk").prefetch_related(Prefetch("sources", sources))
    steps = Step.objects.filter(retired=False).order_by("position", "pk").select_related("team", "work__agent")
    cards = FallbackCard.objects.select_related("template", "approver").prefetch_related(
        Prefetch("steps", FallbackStep.objects.select_related("system").order_by("position", "pk")),
        "record_in",
    )
    found = RequestType.objects.select_related("team", "lead")
    if names is not None:
        found = found.filter(name__in=list(names))
    templates = Template.objects.filter(retired=False).order_by("pk")
    return list(
        found.prefetch_related(
            Prefetch("facts", facts),
            Prefetch("steps", steps),
            Prefetch("templates", templates),
            Prefetch("card", cards),
        )
    )


def type_record(type_: RequestType) -> Record:
    """The record of a type that `types` gave."""
    card = getattr(type_, "card", None)
    parts = {
        "facts": [rows.fact(fact, fact.sources.all()) for fact in type_.facts.all()],
        "steps": [rows.step(step, _work(step)) for step in type_.steps.all()],
        "templates": [rows.template(template) for template in type_.templates.all()],
    }
    shown = None if card is None or card.retired else rows.card(card, card.steps.all(), card.record_in.all())
    return rows.request_type(type_, parts, shown)


def _work(step: Step) -> StepWork | None:
    work: StepWork | None = getattr(step, "work", None)
    return None if work is None or work.retired else work
