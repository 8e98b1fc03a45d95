"""Events of the ledger as lines of a timeline: kind, sentence, what is inside. Pure: rows in, lines out."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from cases import story
from cases.models import Event
from cases.wording import field, value

LONGEST = 20_000  # characters of raw data shown; the whole is in the audit export


@dataclass
class Line:
    """One line. `pairs` are names and values in words, `raw` the stored details; both empty once erased."""

    id: int
    seq: int
    at: datetime
    kind: str
    kind_words: str
    sign: str
    sentence: str
    actor: str
    pairs: list[tuple[str, str]]
    raw: str
    hash: str
    new_day: bool = False


def lines(
    events: Iterable[Event],
    zone: tzinfo,
    agents: Mapping[str, str] | None = None,
    shown: Callable[[Any], Any] = lambda data: data,
) -> list[Line]:
    """The lines of `events` in their order; `new_day` marks the first of each day in `zone`.

    `agents` are titles by name, for the page's language: the ledger keeps an agent's name. `shown` makes of the kept
    details what the reader may see of them.
    """
    made: list[Line] = []
    day = None
    for event in events:
        line = _line(event, (agents or {}).get(event.actor, event.actor), shown(_data(event)))
        today = event.at.astimezone(zone).date()
        line.new_day, day = today != day, today
        made.append(line)
    return made


def _line(event: Event, who: str, data: Mapping[str, Any]) -> Line:
    kind = story.kind_of(event.code)
    shown = {name: inner for name, inner in data.items() if not name.startswith("_")}
    return Line(
        id=event.pk,
        seq=event.seq,
        at=event.at,
        kind=kind,
        kind_words=str(story.KINDS[kind]),
        sign=story.SIGNS[kind],
        sentence=story.sentence(event.code, who, data),
        actor=who,
        pairs=[(field(name), value(inner)) for name, inner in shown.items() if inner not in (None, "", [], {})],
        raw=json.dumps({"code": event.code, "data": data}, ensure_ascii=False, indent=1, default=str)[:LONGEST],
        hash=event.hash,
    )


def _data(event: Event) -> Mapping[str, Any]:
    """The details, or nothing when they were erased."""
    detail = getattr(event, "detail", None)
    return detail.data if detail is not None and isinstance(detail.data, Mapping) else {}
