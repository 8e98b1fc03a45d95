"""What a person should know before this rule is published: from the configuration, the people and the past."""

from collections.abc import Mapping
from datetime import datetime

from agents.configuration import Configuration, TypeConfig
from approvals.asking import EscalationLines
from approvals.live_rules import live_rules
from cases.texts import say
from orchestrator.workmap.records import Record
from orchestrator.workmap.ruling import offering, warning
from orchestrator.workmap.ruling.results import Result
from orchestrator.workmap.ruling.staffing import Staff


def warnings(
    rule: Record, config: Configuration, result: Result | None, there: Staff | None, *, now: datetime
) -> list[str]:
    """The warnings, the gravest first; none for what is no rule yet. No question."""
    if result is None or there is None:
        return []
    others = [{"name": spec.name, "when": spec.when, "then": spec.then} for spec in live_rules(config).specs]
    lines = EscalationLines(config.lines)
    types = _types(rule, config)
    works = {type_.row.team.name for type_ in types}
    return [
        *warning.of_past(result, _titles(config)),
        *(words for _code, words in warning.of_rules(rule, others, lines)),
        *warning.of_people(rule, there, works),
        *warning.of_time(rule, config.calendars, _finish(types), now),
        *warning.overlaps(rule, others, lines),
    ]


def _types(rule: Record, config: Configuration) -> list[TypeConfig]:
    named = rule.get("when", {}).get("types")
    return [type_ for name, type_ in config.types_by_name.items() if not named or name in named]


def _finish(types: list[TypeConfig]) -> list[tuple[str, str]]:
    """How long the requests may take and by which calendar, of those types that say so."""
    said = [type_.row.due or {} for type_ in types]
    return [(str(due["finish"]), str(due.get("calendar") or "")) for due in said if due.get("finish")]


def _titles(config: Configuration) -> Mapping[str, str]:
    """What facts are called, as the marks of a gap name them."""
    language = offering.language()
    return {
        f"fact {name}": say(fact.row.title, language) or name
        for type_ in config.types.values()
        for name, fact in type_.facts.items()
    }
