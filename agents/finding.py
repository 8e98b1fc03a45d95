"""Makes a fact finder for a case: its stored facts as values again, its messages, the clock of facts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any

from django.conf import settings

from agents.configuration import Configuration, TypeConfig
from agents.facts import FactFinder, Found, Read
from cases import rows
from cases.models import Case
from cases.texts import said_in_each
from cases.values import UNKNOWN, coerce


def finder_for(
    case: Case,
    config: Configuration,
    read: Read,
    *,
    now: datetime,
    given: Mapping[str, Found] | None = None,
    steps: Mapping[str, Any] | None = None,
    messages: Callable[[], list[str]] | None = None,
    agent_id: int | None = None,
) -> FactFinder:
    """A finder over `given` facts (none: everything is looked up afresh). The case must have a type.

    `agent_id`: whose step or proposal it is, for counts by agent.
    """
    type_ = config.type_of(case)
    assert type_ is not None  # noqa: S101  # a case without a type has no facts to find
    return FactFinder(
        config=config,
        type=type_,
        case=case,
        messages=messages or cache(partial(incoming, case)),
        read=read,
        now=now,
        fixed_now=fixed_clock(config),
        given=given or {},
        agent_id=agent_id,
        steps=step_values(case.steps if steps is None else steps),
    )


def fixed_clock(config: Configuration) -> datetime | None:
    """The clock of facts and formulas that the demo and the tests may stop (FIXED_NOW); None: it runs."""
    if not settings.FIXED_NOW:
        return None
    fixed = datetime.fromisoformat(settings.FIXED_NOW)
    return fixed if fixed.tzinfo else fixed.replace(tzinfo=config.zone)


def incoming(case: Case) -> list[str]:
    """The requester's messages, oldest first."""
    found = rows.execute(
        "SELECT text FROM cases_message WHERE case_id = $1 AND direction = 'in' ORDER BY id", [str(case.pk)]
    )
    return [text for (text,) in found]


def stored_facts(case: Case, type_: TypeConfig, config: Configuration) -> dict[str, Found]:
    """The facts kept on the case row, as values again."""
    facts: dict[str, Found] = {}
    for name, kept in case.facts.items():
        fact = type_.facts.get(name)
        if fact is None or not isinstance(kept, Mapping):
            continue
        value: Any = UNKNOWN
        if kept.get("known"):
            value = coerce(kept.get("value"), fact.row.kind, config.zone, config.company.currency)
        at = datetime.fromisoformat(kept["at"]) if kept.get("at") else None
        why = said_in_each(kept.get("why"))
        facts[name] = Found(value, bool(kept.get("bound")), str(kept.get("source", "")), why, at)
    return facts


def step_values(steps: Mapping[str, Any]) -> dict[str, Any]:
    """`steps.STEP.NAME` of placeholders: an earlier step's values, `option` and `state`."""
    return {
        name: {
            **step.get("values", {}),
            "option": step.get("option", ""),
            "state": step.get("outcome") or step["state"],
        }
        for name, step in steps.items()
    }
