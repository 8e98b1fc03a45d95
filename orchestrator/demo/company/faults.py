"""Faults on demand: what goes wrong next, with which operation, how often. In memory; a restart heals all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.demo.company.errors import Refused

KINDS = ("503", "status", "hang", "cut_before", "cut_after_write", "late_answer")


@dataclass
class Fault:
    """`times` is how often it still happens; `seconds` how long to hang or be late (0 to 600)."""

    operation: str
    kind: str
    times: int = 1
    seconds: float = 60.0
    status: int = 503
    retry_after: int | None = None

    def matches(self, operation: str) -> bool:
        """`*` stands for every operation."""
        return self.times > 0 and self.operation in ("*", operation)


class Faults:
    """The waiting faults, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Put a fault in line; `wanted` has passed its schema."""
        fault = Fault(**{**wanted, "kind": str(wanted["kind"])})
        if fault.kind not in KINDS:
            raise Refused(422, "invalid", f"A fault is one of {', '.join(KINDS)}.")
        self.waiting.append(fault)
        return fault

    def take(self, operation: str) -> Fault | None:
        """The fault that happens to this call, if any; counts it down."""
        for fault in self.waiting:
            if fault.matches(operation):
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.waiting.clear()

    def listed(self) -> list[dict[str, Any]]:
        """What is still waiting."""
        return [asdict(fault) for fault in self.waiting]
