"""What a brain gets and gives: step and gated tools in; a `Result` out. Brains never reach a system themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.configuration import StepConfig
from agents.judge import Option
from agents.models import Proposal

State = Literal["done", "waiting", "missing", "failed"]


@dataclass
class Result:
    """What a step came to.

    state: `done`; `waiting` (a proposal is open); `missing` (facts in `missing` are not known; `asked`: the requester
    was asked for them); `failed` (`why`). values: what later steps may use as `steps.STEP.NAME`.
    """

    state: State
    values: dict[str, Any] = field(default_factory=dict)
    option: str = ""
    outcome: str = ""
    draft: str = ""
    missing: list[str] = field(default_factory=list)
    asked: bool = False
    why: str = ""
    waiting_on: Any = None
    confidence: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Done:
    """What became of a write or proposal a recipe asked for. `ended` False: people are asked, or it is on its way."""

    ended: bool
    state: str
    result: Any = None
    option: str = ""
    proposal: Proposal | None = None
    why: str = ""

    @property
    def worked(self) -> bool:
        return self.ended and self.state in ("written", "rejected")


class Tools(Protocol):
    """The granted operations, already gated. Refusals and failures come as `ToolFailed`."""

    def visible_facts(self) -> Mapping[str, Any]:
        """Fact values as this agent may see them; UNKNOWN for what is hidden or not known."""

    def known(self, fact: str) -> bool:
        """Whether a fact is known; that much an agent may always see."""

    def names(self) -> Mapping[str, Any]:
        """What stands beside the facts in placeholders: request, tables, steps."""

    def evaluate(self, formula: str, values: Mapping[str, Any]) -> Any:
        """A formula over the given values by the clock of the case."""

    def text(self, template: str, values: Mapping[str, Any]) -> tuple[str, set[str]]:
        """A template of the type in the case's language, filled; and what was missing."""

    def read(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Call a read; the answer with only the granted fields."""

    def write(self, operation: str, arguments: Mapping[str, Any], *, place: str, name: str = "") -> Done:
        """Do an internal write at once, or propose it where a rule or its level says so."""

    def reply(self, text: str, *, place: str) -> Done:
        """Write to the requester by the company's reply operation, judged as any write."""

    def propose(self, options: Sequence[Option], *, place: str, why: str = "") -> Done:
        """Propose options; the same place of the recipe finds its proposal again."""

    def option_write(self, operation: str, arguments: Mapping[str, Any], *, name: str = "") -> Any:
        """A planned write of an option."""


class ToolFailed(Exception):
    """A tool did not do what was asked: refused by the gate, or the system failed. `why` is words for a person."""

    def __init__(self, why: str, *, reason: str = "failed") -> None:
        super().__init__(why)
        self.why = why
        self.reason = reason


class Brain(Protocol):
    """One file per kind, all with this signature."""

    kind: str

    def work(self, step: StepConfig, tools: Tools) -> Result:
        """Do the step."""
