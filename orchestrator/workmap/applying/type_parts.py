"""What floor 2 keeps of a request type: sources of facts, work of steps, the fallback card."""

from collections.abc import Mapping

from agents.models import Agent, FactSource, FallbackCard, FallbackStep, Operation, StepWork, System
from cases.models import Fact, RequestType, Step, Team, Template
from orchestrator.workmap.applying.writer import Writer
from orchestrator.workmap.records import Record, same


def sources(fact: Fact, said: list[Record], writer: Writer, operations: Mapping[str, Operation]) -> None:
    """Each place has one source; places that are no longer needed are retired."""
    rows = sorted(fact.sources.all(), key=lambda row: row.retired) if fact.pk else []
    there: dict[int, FactSource] = {}
    for row in rows:
        there.setdefault(row.position, row)
    for position, source in enumerate(said):
        kind = next(kind for kind in FactSource.KINDS if kind in source)
        operation = operations[source["look_up"]] if kind == "look_up" else None
        row = there.get(position) or FactSource(fact=fact, position=position)
        writer.keep(row, kind=kind, operation=operation, settings=source, retired=False)
    for row in rows:
        if row.position >= len(said):
            writer.keep(row, retired=True)


def work(step: Step, said: Record, writer: Writer, agents: Mapping[str, Agent]) -> None:
    """Who does the step by machine; nobody, if people do it."""
    row = StepWork.objects.filter(step=step).first()
    if "agent" not in said:
        if row is not None:
            writer.keep(row, retired=True)
        return
    writer.keep(
        row or StepWork(step=step),
        agent=agents[said["agent"]],
        operations=said.get("operations"),
        procedure=said.get("procedure", []),
        retired=False,
    )


def card(
    type_: RequestType,
    said: Record | None,
    writer: Writer,
    templates: Mapping[str, Template],
    teams: Mapping[str, Team],
    systems: Mapping[str, System],
) -> None:
    """The fallback card with its lines. Lines have no history of their own: the card's version stands for them."""
    row = FallbackCard.objects.filter(type=type_).first()
    if said is None:
        if row is not None:
            writer.keep(row, retired=True)
        return
    row = row or FallbackCard(type=type_)
    new = row.pk is None
    changed = writer.keep(
        row,
        template=templates[said["template"]] if "template" in said else None,
        approver=teams[said["approver"]] if "approver" in said else None,
        retired=False,
    )
    inside = _lines(row, said.get("steps", []), systems)
    wanted = {systems[name] for name in said.get("record_in", [])}
    if set(row.record_in.all()) != wanted:
        row.record_in.set(wanted)
        inside = True
    if inside and not changed and not new:
        writer.touch(row)


def _lines(row: FallbackCard, said: list[Record], systems: Mapping[str, System]) -> bool:
    """Whether the lines differed and were written anew."""
    wanted = [
        (line["title"], systems[line["system"]] if "system" in line else None, line.get("look_for", ""))
        for line in said
    ]
    there = [(line.title, line.system, line.look_for) for line in row.steps.select_related("system")]
    if len(there) == len(wanted) and all(
        same(a[0], b[0]) and a[1] == b[1] and same(a[2], b[2]) for a, b in zip(there, wanted, strict=True)
    ):
        return False
    row.steps.all().delete()
    for position, (title, system, look_for) in enumerate(wanted):
        FallbackStep.objects.create(card=row, position=position, title=title, system=system, look_for=look_for)
    return True
