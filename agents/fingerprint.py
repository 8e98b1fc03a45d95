"""The fingerprint of a proposal: what a person saw, what a permit allows, what the executor recomputes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from cases.plainly import plain_digest


def fingerprint(
    *,
    case_id: int,
    turn: int,
    options: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    versions: Mapping[str, Any],
) -> str:
    """SHA-256 over the canonical form of what is decided.

    `options`: `{name, writes: [{name, operation, arguments, target_version}]}`; `facts`: values shown, without their
    read times; `versions`: of rules, map and templates.
    """
    return plain_digest(
        {
            "case": case_id,
            "turn": turn,
            "options": [
                {
                    "name": option["name"],
                    "writes": [
                        {
                            "name": w["name"],
                            "operation": w["operation"],
                            "arguments": w["arguments"],
                            "target_version": w["target_version"],
                        }
                        for w in option["writes"]
                    ],
                }
                for option in options
            ],
            "facts": dict(facts),
            "versions": dict(versions),
        }
    )
