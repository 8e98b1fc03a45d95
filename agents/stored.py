"""Proposals and writes as they are stored, each with its operation out of the configuration at hand."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from agents.configuration import Configuration
from agents.models import Proposal, Write
from cases import rows
from cases.models import Case

_PROPOSAL = len(Proposal._meta.concrete_fields)


def with_writes(where: str, values: Sequence[Any], case: Case, config: Configuration, tail: str = "") -> list[Proposal]:
    """Proposals `p` of a locked case with all their writes as `loaded`, in one statement.

    `where` has `$1`, `$2` ...; `tail` is a lock. The case is locked first, so nobody changes these rows meanwhile.
    """
    rows.settle(Proposal, Write)
    found: dict[Any, Proposal] = {}
    for row in rows.execute(_with_writes(where, tail), values):
        proposal = found.get(row[0])
        if proposal is None:
            proposal = found[row[0]] = rows.made(Proposal, row)
            proposal.loaded = []
            rows.put_beside(proposal, "case", case)
            if proposal.proposer_agent_id in config.agents:
                rows.put_beside(proposal, "proposer_agent", config.agents[proposal.proposer_agent_id])
        if row[_PROPOSAL] is not None and proposal.loaded is not None:
            write = rows.made(Write, row[_PROPOSAL:])
            rows.put_beside(write, "proposal", proposal)
            with_operation(write, config)
            proposal.loaded.append(write)
    return list(found.values())


@cache
def _with_writes(where: str, tail: str) -> str:
    return (
        f"SELECT {rows.columns(Proposal, 'p.')}, {rows.columns(Write, 'w.')} FROM agents_proposal p "  # noqa: S608
        f"LEFT JOIN agents_write w ON w.proposal_id = p.id WHERE {where} ORDER BY p.id, w.option, w.position {tail}"
    )


def writes_of(proposal: Proposal, config: Configuration) -> list[Write]:
    """Its writes as they are stored, each with its operation out of the configuration."""
    found = rows.read(Write, "proposal_id = %s", [proposal.pk], "ORDER BY option, position")
    for write in found:
        rows.put_beside(write, "proposal", proposal)
        with_operation(write, config)
    return found


def with_operation(write: Write, config: Configuration) -> None:
    """Give a write its operation out of the configuration at hand; one that is retired is asked for when needed."""
    operation = config.operations_by_id.get(write.operation_id)
    if operation is not None:
        rows.put_beside(write, "operation", operation)
