"""What goes into an operation of the demo company and what comes out. Shapes only, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.demo.company.store import Store

Record = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request that passed authorisation and the schema of its route. `at` is aware UTC."""

    params: dict[str, str]
    query: dict[str, str]
    body: Record
    at: datetime
    if_match: str | None = None

    @property
    def at_text(self) -> str:
        """The time of the call as it is stored in records."""
        return stamp(self.at)


@dataclass(frozen=True)
class Found:
    """The answer of a read and the ids of the records that it showed."""

    body: Any
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Done:
    """The answer of a write, the records to store (table, record) and the id of the record that was made."""

    body: Any
    puts: list[tuple[str, Record]]
    record_id: str
    status: int = 200


Handler = Callable[["Store", Call], Found | Done]


@dataclass(frozen=True)
class Route:
    """One operation: its name in the retail map, a path with `{name}` parts, schemas of query and body."""

    operation: str
    method: str
    path: str
    does: str
    handler: Handler
    answer: str
    query: dict[str, Record] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    body: Record | None = None
    makes: bool = False

    @property
    def writes(self) -> bool:
        """Whether the operation changes anything."""
        return self.method != "GET"


def stamp(at: datetime) -> str:
    """An aware time as ISO 8601 text in UTC with microseconds, so that two changes never share a version."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
