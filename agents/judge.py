"""What floor 2 needs of a judge. Floor 3 is one; the roof hands it down, so that nothing here points up.

`prepare` may call systems and runs outside any transaction; `judge` runs inside the reserving transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from agents.configuration import Configuration
from agents.facts import FactFinder, Found
from agents.models import Operation, Proposal, Write
from cases.ledger import Entry
from cases.models import Case


@dataclass(frozen=True)
class PlannedWrite:
    """One write of an option before it is stored."""

    name: str
    operation: Operation
    arguments: Mapping[str, Any]
    money: Decimal | None = None
    currency: str = ""
    id: Any = None


@dataclass(frozen=True)
class Option:
    """One thing that could be done: its writes, whether it is suggested, the draft that goes with it."""

    name: str
    title: Any
    writes: Sequence[PlannedWrite] = ()
    suggested: bool = False
    draft: str = ""


@dataclass
class Prepared:
    """What was looked up for a judgement: shared facts, and per write the facts that name its arguments."""

    finder: FactFinder
    facts: dict[str, Found] = field(default_factory=dict)
    per_write: dict[tuple[str, str], FactFinder] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """The verdict on one option. `kind`: forbid, ask, standing or nothing."""

    option: str
    kind: str
    why: str
    rules: list[dict[str, Any]]
    asks: list[dict[str, Any]]
    standing: dict[str, int]  # write name -> rule id of the standing approval that covers it
    strictness: tuple[Any, ...]
    lacked: list[str]
    data: dict[str, Any]


class Judge(Protocol):
    """Floor 3, as floor 2 sees it."""

    def prepare(self, finder: FactFinder, options: Sequence[Option]) -> Prepared:
        """Look up afresh what the rules of these writes need. Calls systems; no transaction may be open."""

    def judge(
        self,
        config: Configuration,
        case: Case,
        prepared: Prepared,
        options: Sequence[Option],
        *,
        proposer_user_id: int | None,
        now: datetime,
        leave_out: tuple[Any, ...] = (),
    ) -> dict[str, Judged]:
        """The verdict on each option by the live rules, with counts and caps under their locks."""

    def ask(
        self,
        config: Configuration,
        case: Case,
        proposal: Proposal,
        writes: Sequence[Write],
        judged: Judged,
        *,
        why: str,
        now: datetime,
    ) -> list[Entry]:
        """Ask people to decide a proposal with these writes. Returns the events."""

    def settled(self, proposal: Proposal, judged: Judged) -> bool:
        """Whether what people decided on this proposal covers what the live rules now ask."""

    def raises(self, config: Configuration, case: Case, operation: Operation) -> bool:
        """Whether any rule names this operation, so that a call below level 4 must be judged as well."""

    def permit_source(self, write: Write) -> str:
        """Words for who stands behind a permit."""
