"""Records of floors 2 and 3 into rows: systems, operations, agents, grants, rules."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from agents.models import Agent, Grant, Operation, System
from approvals.models import Rule, StandingApproval
from cases.calendars import duration
from cases.models import Team
from orchestrator.workmap.applying.writer import Writer
from orchestrator.workmap.records import DEFAULTS, Record


def system(record: Record, writer: Writer) -> None:
    whole = {**DEFAULTS["system"], **record}
    writer.keep(
        System.objects.filter(name=record["name"]).first() or System(name=record["name"]),
        title=whole["title"],
        connector=whole["connector"],
        url=whole["url"],
        auth=whole["auth"],
        answer=whole["answer"],
        owner=_team(record.get("owner")),
        private_network=whole["private_network"],
        page=whole["page"],
        timeout_seconds=float(duration(whole["timeout"]).clock_seconds),
        retired=False,
    )


def operation(record: Record, writer: Writer) -> None:
    whole = {**DEFAULTS["operation"], **record}
    name = record["name"]
    writer.keep(
        Operation.objects.filter(name=name).first() or Operation(name=name),
        system=System.objects.get(name=name.partition(".")[0]),
        title=whole["title"],
        level=whole["level"],
        kind=whole["kind"],
        arguments=whole["arguments"],
        call=whole["call"],
        case_key=record.get("case_key"),
        keep=whole["keep"],
        money=record.get("money"),
        currency=whole["currency"],
        effect_key=None if whole["effect_key"] == "none" else whole["effect_key"],
        version_of=whole["version"],
        read_back=whole["read_back"],
        undo=whole["undo"],
        editable=whole["editable"],
        secret=whole["secret"],
        masked=whole["masked"],
        shows=whole["shows"],
        page=whole["page"],
        risk=whole["risk"],
        high_above=Decimal(str(record["high_above"])) if "high_above" in record else None,
        hold_seconds=duration(record["hold"]).seconds if "hold" in record else None,
        suspended=whole["suspended"],
        retired=False,
    )


def agent(record: Record, writer: Writer) -> None:
    whole = {**DEFAULTS["agent"], **record}
    writer.keep(
        Agent.objects.filter(name=record["name"]).first() or Agent(name=record["name"]),
        title=whole["title"],
        purpose=whole["purpose"],
        owner=_team(record.get("owner")),
        brain=whole["brain"],
        limits=whole["limits"],
        active=whole["active"],
        retired=False,
    )


def grant(row: Grant | None, record: Record, writer: Writer) -> None:
    """`row`: the grant it stands for; None makes a new one."""
    row = row or Grant(
        agent=Agent.objects.get(name=record["agent"]),
        operation=Operation.objects.get(name=record["operation"]),
    )
    writer.keep(
        row,
        reason=record["reason"],
        since=date.fromisoformat(record["since"]) if "since" in record else None,
        until=date.fromisoformat(record["until"]),
        types=record.get("types", []),
        steps=record.get("steps", []),
        fields=record.get("fields"),
        limits=record.get("limits", {}),
        retired=False,
    )


def rule(record: Record, writer: Writer, sentence: Mapping[str, str]) -> None:
    """The rule with its sentence. A standing approval is only named here: the named person confirms it."""
    row = Rule.objects.filter(name=record["name"]).first() or Rule(name=record["name"])
    writer.keep(
        row,
        title=record.get("title", ""),
        when=record.get("when", {}),
        then=record["then"],
        active=record.get("active", True),
        sentence=dict(sentence),
        retired=False,
    )
    standing = record["then"].get("standing_approval")
    if standing is None:
        return
    # It is confirmed for one version of the rule: any change of the rule takes it out of force.
    named = StandingApproval.objects.filter(rule=row).first()
    if named is None or named.by != standing["by"]:
        named = named or StandingApproval(rule=row)
        named.by = standing["by"]
        writer.save(named)


def _team(name: str | None) -> Team | None:
    return None if name is None else Team.objects.get(name=name)
