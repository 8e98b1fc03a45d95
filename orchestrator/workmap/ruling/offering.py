"""What the choices of a rule's sentence offer, from the configuration in force: names with their titles, and kinds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from agents.configuration import Configuration
from agents.models import Operation
from approvals.rules import RuleSpec
from approvals.sentences import boundaries
from cases.texts import say
from orchestrator.workmap import rule_words
from orchestrator.workmap.records import Record, Records
from orchestrator.workmap.ruling.choosing import Row

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Offer:
    """Choices as (value, words), and the kind of each left side."""

    types: Pairs
    operations: Pairs
    lefts: list[tuple[str, Pairs]]
    others: list[tuple[str, Pairs]]
    teams: Pairs
    calendars: Pairs
    kinds: Mapping[str, str]


def offer(config: Configuration, rows: Iterable[Row] = ()) -> Offer:
    """Everything that may be chosen. What `rows` name stays on offer, although it may be gone meanwhile."""
    rows = list(rows)
    facts: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for type_ in _types(config):
        for name, fact in type_.facts.items():
            facts.setdefault(name, _say(fact.row.title) or name)
            kinds.setdefault(f"fact {name}", fact.row.kind)
    arguments: dict[str, str] = {}
    for operation in config.operations.values():
        if operation.kind == "read":
            continue
        for name, schema in _properties(operation).items():
            arguments.setdefault(name, _say(schema.get("title")) or name)
            money = operation.money == name
            kinds.setdefault(f"argument {name}", "money" if money else _kind(schema))
            if money:
                kinds[f"argument {name}"] = "money"
    groups = [
        (_("Facts"), sorted((f"fact {n}", words) for n, words in facts.items())),
        (_("What the action is called with"), sorted((f"argument {n}", words) for n, words in arguments.items())),
    ]
    writes = [o for o in config.operations.values() if o.kind != "read"]
    return Offer(
        types=sorted((t.row.name, _say(t.row.title) or t.row.name) for t in _types(config)),
        operations=sorted((o.name, _say(o.title) or o.name) for o in writes),
        lefts=_with(groups, [row.left for row in rows if row.left]),
        others=_with(groups, [row.other for row in rows if row.other]),
        teams=sorted((t.name, _say(t.title) or t.name) for t in config.teams.values() if not t.retired),
        calendars=sorted((name, name) for name in config.calendars),
        kinds=kinds,
    )


def in_words(config: Configuration, rule: Record) -> dict[str, str]:
    """The sentence of a rule in each language; nothing if it cannot be said."""
    try:
        return rule_words.sentences(rule, records(config))
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def limits(config: Configuration, rule: Record) -> list[str]:
    """What happens exactly at each limit of the rule."""
    spec = RuleSpec(str(rule["name"]), 1, rule.get("when", {}), rule["then"])
    all_records = records(config)
    try:
        return boundaries(
            spec,
            titles=rule_words.titles(spec, all_records),
            kinds=rule_words.kinds(spec, all_records),
            language=language(),
            currency=config.company.currency,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def records(config: Configuration) -> Records:
    """As much of the map as sentences need, without a query."""
    found: Records = {("company", ""): {"currency": config.company.currency}}
    for team in config.teams.values():
        found["team", team.name] = {"title": team.title}
    for operation in config.operations.values():
        found["operation", operation.name] = {
            "title": operation.title,
            "arguments": operation.arguments,
            "money": operation.money,
        }
    for type_ in config.types.values():
        facts = [{"name": f.name, "title": f.row.title, "kind": f.row.kind} for f in type_.facts.values()]
        found["request_type", type_.row.name] = {"title": type_.row.title, "facts": facts}
    return found


def _say(text: Any) -> str:
    return say(text, language())


def language() -> str:
    return "zh-hant" if (get_language() or "").startswith("zh") else "en"


def _types(config: Configuration) -> list[Any]:
    return [type_ for type_ in config.types.values() if not type_.row.retired]


def _properties(operation: Operation) -> Mapping[str, Mapping[str, Any]]:
    found = operation.arguments.get("properties", {}) if isinstance(operation.arguments, Mapping) else {}
    return {name: schema for name, schema in found.items() if isinstance(schema, Mapping)}


def _kind(schema: Mapping[str, Any]) -> str:
    said = schema.get("type")
    kinds = {"number": "number", "integer": "number", "boolean": "yes_no", "string": "text", "array": "list"}
    return kinds.get(said, "") if isinstance(said, str) else ""


def _with(groups: list[tuple[str, Pairs]], named: list[str]) -> list[tuple[str, Pairs]]:
    """The groups, and beside them what a rule names that is in none of them (a formula, a part of a record)."""
    there = {value for _title, pairs in groups for value, _words in pairs}
    more = [(name, name.partition(" ")[2]) for name in dict.fromkeys(named) if name not in there]
    return [*groups, (_("Also in this rule"), more)] if more else groups
