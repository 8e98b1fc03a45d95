"""What came and went in a person's list since it was drawn. One query, and an address that holds the list."""

from dataclasses import dataclass
from typing import Any

from approvals.acting import Turn, turns

MOST_STAMPED = 150  # approvals that the stamp of a list names: as many as an address may well hold


@dataclass(frozen=True)
class News:
    """What came and went since a list was drawn."""

    new: int
    gone: int


def stamp_of(found: list[Turn]) -> str:
    """What a list holds, short enough for an address: eight signs of each, in no order that tells anything."""
    return ".".join(sorted(turn.approval_id.hex[:8] for turn in found[:MOST_STAMPED]))


def read_stamp(text: str) -> set[str]:
    return {part for part in text[: 9 * MOST_STAMPED].split(".") if part}


def waiting_since(user: Any, known: set[str]) -> News | None:
    """How many came and went since the list with this stamp; None if it is as it was. One query."""
    now = read_stamp(stamp_of([turn for turn in turns(user) if not turn.snoozed]))
    return News(len(now - known), len(known - now)) if now != known else None
