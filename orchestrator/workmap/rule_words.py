"""The sentence of a rule in both languages, with the titles of the map. Pure."""

from collections.abc import Mapping
from typing import Any

from approvals.rules import RuleSpec
from approvals.sentences import sentence
from cases.texts import LANGUAGES
from orchestrator.workmap.records import Record, Records

TITLED = {"team": "team", "operation": "operation", "request_type": "type"}


def sentences(rule: Record, records: Records, version: int = 1) -> dict[str, str]:
    """The rule as a sentence per language. `records`: all of the map, for titles and for what is money."""
    spec = RuleSpec(rule["name"], version, rule.get("when", {}), rule["then"])
    currency = records.get(("company", ""), {}).get("currency", "HKD")
    called, known = titles(spec, records), kinds(spec, records)
    return {
        language: sentence(spec, titles=called, language=language, currency=currency, kinds=known)
        for language in LANGUAGES
    }


def titles(spec: RuleSpec, records: Records) -> dict[str, Any]:
    """What names are called, by kind and name, as `approvals.sentences` takes them."""
    found = {
        f"{TITLED[what]}:{name}": record["title"]
        for (what, name), record in records.items()
        if what in TITLED and record.get("title")
    }
    for fact in _facts(spec, records):
        if fact.get("title"):
            found.setdefault(f"fact:{fact['name']}", fact["title"])
    for operation in _operations(spec, records):
        for name, schema in operation.get("arguments", {}).get("properties", {}).items():
            if isinstance(schema, Mapping) and schema.get("title"):
                found.setdefault(f"argument:{name}", schema["title"])
    return found


def kinds(spec: RuleSpec, records: Records) -> dict[str, str]:
    """Kinds of facts and arguments, for what is money."""
    found = {f"fact:{fact['name']}": str(fact.get("kind", "text")) for fact in _facts(spec, records)}
    for operation in _operations(spec, records):
        if isinstance(operation.get("money"), str):
            found[f"argument:{operation['money']}"] = "money"
    return found


def _facts(spec: RuleSpec, records: Records) -> list[Record]:
    types = spec.covered_types()
    return [
        fact
        for (what, name), record in records.items()
        if what == "request_type" and (not types or name in types)
        for fact in record.get("facts", [])
    ]


def _operations(spec: RuleSpec, records: Records) -> list[Record]:
    named = spec.covered_operations()
    return [record for (what, name), record in records.items() if what == "operation" and (not named or name in named)]
