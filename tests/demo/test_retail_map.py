"""The retail map against the company that it talks about, and against what the stories need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.demo.company.openapi import document
from orchestrator.demo.company.operations import ROUTES
from tests.demo.process import ROOT

FOLDER = Path(ROOT / "orchestrator/demo")
MAP: dict[str, Any] = yaml.safe_load((FOLDER / "retail.yaml").read_text())
PEOPLE: list[dict[str, Any]] = yaml.safe_load((FOLDER / "people.yaml").read_text())
OPERATIONS = {one["name"]: one for one in MAP["operations"]}
TYPES = {one["name"]: one for one in MAP["request_types"]}
TEAMS = {one["name"] for one in MAP["teams"]}
PATHS = document(ROUTES)["paths"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_of_the_map_is_one_of_the_company(name: str) -> None:
    operation = OPERATIONS[name]
    call = operation["call"]
    described = PATHS[call["path"]][call["method"].lower()]
    assert described["operationId"] == name
    in_path = set(re.findall(r"\{(\w+)\}", call["path"]))
    arguments = operation["arguments"]
    assert arguments["additionalProperties"] is False
    rest = set(arguments["properties"]) - in_path
    required = set(arguments.get("required", []))
    assert in_path <= required
    if call["method"] == "GET":
        known = {one["name"] for one in described["parameters"] if one["in"] == "query"}
        needed = {one["name"] for one in described["parameters"] if one["in"] == "query" and one["required"]}
    else:
        body = described["requestBody"]["content"]["application/json"]["schema"]
        known, needed = set(body["properties"]), set(body["required"])
    assert rest <= known and needed <= required


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_its_level_needs(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["level"] in ("reference", "case", "internal", "controlled")
    assert (operation["kind"] == "read") == (operation["call"]["method"] == "GET")
    assert ("case_key" in operation) == (operation["level"] != "reference")
    if operation["kind"] == "write":
        assert operation["effect_key"] == {"header": "Idempotency-Key"} and operation["read_back"]["expect"]
    for part in ("version", "read_back"):
        if part in operation:
            assert OPERATIONS[operation[part]["read"]]["kind"] == "read"
    if "undo" in operation:
        undo = OPERATIONS[operation["undo"]["operation"]]
        assert set(operation["undo"]["arguments"]) <= set(undo["arguments"]["properties"])


def _items(thing: Any, key: str) -> list[Any]:
    if isinstance(thing, dict):
        found = [thing[key]] if key in thing else []
        return found + [one for value in thing.values() for one in _items(value, key)]
    return [one for value in thing for one in _items(value, key)] if isinstance(thing, list) else []


@pytest.mark.parametrize("name", TYPES)
def test_a_type_names_only_what_exists(name: str) -> None:
    kind = TYPES[name]
    templates = {one["name"] for one in kind["templates"]}
    agents = {one["name"] for one in MAP["agents"]}
    steps = [one["name"] for one in kind["steps"]]
    assert {kind["team"], kind["lead"], kind["fallback"]["approver"]} <= TEAMS
    assert {
        kind["fallback"]["template"],
        *_items(kind["steps"], "draft"),
        *_items(kind["steps"], "ask"),
    } <= templates
    assert {one["to"] for one in kind.get("routes", [])} <= set(TYPES)
    for step in kind["steps"]:
        assert step.get("agent") in agents or step.get("team") in TEAMS
        assert set(step.get("after", [])) <= set(steps[: steps.index(step["name"])])
        options = set(_items(step.get("procedure", []), "option"))
        assert options == {one for row in _items(step.get("procedure", []), "propose") for one in row}
    for template in kind["templates"]:
        assert template["en"].strip() and template["zh-hant"].strip()
    for reason in kind["reasons"]:
        assert reason["en"].isascii() and not reason["zh-hant"].isascii(), reason


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_examples_in_both_languages_and_precise_phrases(name: str) -> None:
    examples = TYPES[name]["examples"]
    chinese = [one for one in examples if re.search("[\u4e00-\u9fff]", one)]
    assert len(set(examples)) >= 14 and len(chinese) >= 5 and len(examples) - len(chinese) >= 5
    for phrase in TYPES[name]["phrases"]:
        for other in TYPES.values():
            if other["name"] != name:
                assert not [one for one in other["examples"] if phrase.lower() in one.lower()], phrase


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_every_call_of_a_recipe_is_granted_to_its_agent(kind: dict[str, Any]) -> None:
    for step in kind["steps"]:
        procedure = step.get("procedure", [])
        calls = set(_items(procedure, "read")) | set(_items(procedure, "write")) | set(_items(procedure, "operation"))
        calls |= {"messages.send"} if _items(procedure, "ask") else set()
        granted = {
            one["operation"]
            for one in MAP["grants"]
            if one["agent"] == step.get("agent")
            and kind["name"] in one.get("types", [kind["name"]])
            and step["name"] in one.get("steps", [step["name"]])
        }
        assert calls <= granted, (step["name"], calls - granted)
        assert calls <= set(step.get("operations", calls))
        for row in procedure:
            for call in [row, *row.get("writes", [])]:
                name = call.get("read") or call.get("write") or call.get("operation")
                if name:
                    schema = OPERATIONS[name]["arguments"]
                    needed = set(schema.get("required", []))
                    given = set(call.get("with", {}))
                    assert needed <= given <= set(schema["properties"]), (step["name"], name)


def test_a_controlled_operation_is_never_written_without_a_proposal() -> None:
    for kind in TYPES.values():
        for step in kind["steps"]:
            for row in step.get("procedure", []):
                if "write" in row:
                    assert OPERATIONS[row["write"]]["level"] == "internal"


def test_the_fixed_questions_use_no_fact_that_may_be_unknown() -> None:
    for kind in TYPES.values():
        for template in kind["templates"]:
            if template["name"] == "ask_order_number":
                assert "{" not in template["en"] + template["zh-hant"]


def test_the_people_fit_the_teams() -> None:
    members = {team for one in PEOPLE for team in one["teams"]}
    assert members == TEAMS
    leads = {team for one in PEOPLE for team in one["lead_of"]}
    assert leads == TEAMS - {"directors"}
    assert {one["username"] for one in PEOPLE if one.get("admin")} == {"admin", "grace.li"}
    named = {one["then"]["standing_approval"]["by"] for one in MAP["rules"] if "standing_approval" in one["then"]}
    assert named == {"may.lee"}


def _placeholders(thing: Any) -> set[str]:
    if isinstance(thing, str):
        return set(re.findall(r"\{([a-z_][\w.]*)", thing))
    parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else []
    return {name for part in parts for name in _placeholders(part)}


def _names(formula: str) -> set[str]:
    return set(re.findall(r"[a-z_][\w.]*", re.sub("'[^']*'", "", formula)))


def _hidden(kind: dict[str, Any], agent: str, path: str) -> set[str]:
    """The looked-up fields behind `path` that the agent's grants keep from it."""
    root, _, rest = path.partition(".")
    fact = next((one for one in kind["facts"] if one["name"] == root), None)
    sources = fact["from"] if fact and isinstance(fact["from"], list) else [fact["from"]] if fact else []
    hidden = {one for source in sources for n in _names(source.get("formula", "")) for one in _hidden(kind, agent, n)}
    for source in sources:
        fields = [
            set(grant.get("fields", [rest.split(".")[0]]))
            for grant in MAP["grants"]
            if (grant["agent"], grant["operation"]) == (agent, source.get("look_up"))
        ]
        if "look_up" in source and not any(not rest or rest.split(".")[0] in seen for seen in fields):
            hidden.add(path)
    return hidden


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_an_agent_may_see_every_field_that_its_recipe_and_templates_name(kind: dict[str, Any]) -> None:
    templates = {one["name"]: [one["en"], one["zh-hant"]] for one in kind["templates"]}
    for step in kind["steps"]:
        used = _placeholders(step.get("procedure", []))
        for row in step.get("procedure", []):
            used |= _placeholders(templates.get(row.get("draft") or row.get("ask"), []))
            used |= _names(row.get("when", "")) | _names(row.get("suggest_when", ""))
        for path in used:
            assert not _hidden(kind, step["agent"], path), (step["name"], path)
