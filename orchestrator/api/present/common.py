"""What several representations share: titles in the language of the call, arguments without their secrets."""

from collections.abc import Mapping
from typing import Any, Final

from agents import configuration
from agents.models import Agent, Write
from approvals.masks import Masks
from cases.clock import database_now
from cases.texts import here
from orchestrator.api.plain import money, plain
from orchestrator.flow.calls import granted_result

HIDDEN: Final = "•••"


def without_secrets(arguments: Any, secret: Any) -> dict[str, Any]:
    """Arguments with the secret ones hidden."""
    if not isinstance(arguments, Mapping):
        return {}
    return {name: HIDDEN if name in (secret or []) else plain(value) for name, value in arguments.items()}


def arguments_for(row: Write, arguments: Any, masks: Masks) -> dict[str, Any]:
    """Arguments as a program may read them: secret ones hidden, masked ones masked."""
    found = without_secrets(arguments, row.operation.secret)
    told: dict[str, Any] = masks.hide({"operation": row.operation.name, "arguments": found})["arguments"]
    return told


def result_for(row: Write, agent: Agent | None) -> Any:
    """What a system answered to a write: for an agent what its call was answered, for people all of it."""
    if agent is None or row.result is None:
        return plain(row.result)
    return plain(granted_result(row, agent, configuration.current(), database_now()))


def write(row: Write, masks: Masks, agent: Agent | None = None) -> dict[str, Any]:
    """One write: its arguments as they stand now (carried out, else decided, else proposed). What a decision names
    stays as it is.
    """
    last = row.carried_out or row.decided or row.proposed
    return {
        "id": str(row.pk),
        "name": row.name,
        "operation": row.operation.name,
        "arguments": arguments_for(row, last, masks),
        "money": money(row.money, row.currency),
        "state": row.state,
        "reference": masks.hide(row.reference),
        "result": masks.hide(result_for(row, agent)),
        "error": masks.hide(row.error),
    }


def options(
    declared: list[dict[str, Any]], writes: list[Write], masks: Masks, agent: Agent | None = None
) -> list[dict[str, Any]]:
    """The options of a proposal, each with its writes in their order."""
    by_option: dict[str, list[Write]] = {}
    for row in writes:
        by_option.setdefault(row.option, []).append(row)
    return [
        {
            "name": option["name"],
            "title": masks.hide(here(option.get("title"))) or option["name"],
            "suggested": bool(option.get("suggested")),
            "allowed": bool(option.get("allowed", True)),
            "why": masks.hide(here(option.get("why"))),
            "draft": masks.hide(here(option.get("draft"))),
            "writes": [
                write(row, masks, agent) for row in sorted(by_option.get(option["name"], []), key=lambda w: w.position)
            ],
        }
        for option in declared
    ]


def rules(judged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules that were judged, with the values they compared."""
    return [
        {
            **plain(rule),
            "name": rule.get("name", ""),
            "version": rule.get("version", 0),
            "sentence": here(rule.get("sentence")),
            "compared": plain(rule.get("compared", [])),
            "result": rule.get("result", ""),
        }
        for rule in judged
    ]
