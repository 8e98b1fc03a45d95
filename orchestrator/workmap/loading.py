"""Loads a map: read, check everything, plan, then all of it in one transaction or nothing."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cases.actors import Actor
from cases.ledger import append_company
from cases.models import Case
from orchestrator.workmap import live as live_records
from orchestrator.workmap import transitions
from orchestrator.workmap.checking import check
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.live import Live
from orchestrator.workmap.models import MapRecord
from orchestrator.workmap.planning import Plan, after, plan
from orchestrator.workmap.problems import Path, Problem, Report, said
from orchestrator.workmap.reading import Text
from orchestrator.workmap.records import Key, Record, Records, name_grants, normal, split, title_of
from orchestrator.workmap.schema import MAP


@dataclass(slots=True)
class Loaded:
    """What a load did, in words. `left`: records that are loaded but not in the map. `waiting`: new
    drafts. `since_before`: how many changes wait as drafts of an earlier load."""

    words: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    since_before: int = 0
    changed: bool = False


@dataclass(slots=True)
class _Read:
    """The map of a file: records as written, where each stands, and what is already known to be wrong."""

    said: Records
    places: dict[Key, Path]
    broken: frozenset[Key]
    problems: list[Problem]


def load(text: Text, *, actor: Actor, reason: str, retire: bool, check_only: bool, now: datetime) -> Loaded:
    """Load a map that was read. Raises Refused with every problem; then nothing was changed."""
    with transaction.atomic():
        transitions.lock()
        live = live_records.read()
        read = _records(text, live)
        wanted: dict[Key, Record | None] = {
            key: normal(key[0], record) for key, record in read.said.items() if key not in read.broken
        }
        left = [key for key in live.records if key not in read.said and key[0] != "company"]
        if retire:
            wanted |= dict.fromkeys(left)
        _refuse(text, read, live, wanted)
        made = plan(live.records, wanted, retired=live.retired, running=Case.objects.exists())
        loaded = Loaded(words=made.words, left=[] if retire else [_named(key) for key in left])
        if not check_only:
            _carry_out(made, read, live, loaded, actor=actor, reason=reason, now=now)
    return loaded


def _records(text: Text, live: Live) -> _Read:
    """Split the map into named records, and check the shape of each."""
    report = Report()
    MAP.check(text.value, (), report)
    if not isinstance(text.value, dict):
        raise Refused(said(report.problems, text.mark.line_of))
    records, places, grants = split(text.value, report)
    wrong = {problem.at[:2] for problem in report.problems if len(problem.at) > 1}
    broken = {key for key, place in places.items() if place in wrong}
    if "company" in text.value and any(problem.at[:1] == ("company",) for problem in report.problems):
        broken.add(("company", ""))
    places.setdefault(("company", ""), ())
    sound = [one for index, one in enumerate(grants) if ("grants", index) not in wrong]
    names = iter(name_grants(sound, live.records, live.taken))
    for index, grant in enumerate(grants):
        if ("grants", index) not in wrong:  # nothing refers to a grant, so a broken one is simply left out
            key = ("grant", next(names))
            records[key], places[key] = grant, ("grants", index)
    return _Read(records, places, frozenset(broken), report.problems)


def _refuse(text: Text, read: _Read, live: Live, wanted: dict[Key, Record | None]) -> None:
    """Raise Refused if anything is wrong in the file, or between it and what is loaded already."""
    whole = after(live.records, wanted)
    # The file's own words are checked, not their normal form: that is what a line of the file leads to.
    checked = {key: read.said.get(key, record) for key, record in whole.items() if key not in read.broken}
    found = check(checked, read.broken)
    inside = [_placed(problem, read.places) for problem in found if _key(problem) in read.places]
    outside = [problem.text for problem in found if _key(problem) not in read.places]
    lines = said([*read.problems, *inside], text.mark.line_of)
    lines += [_("already loaded: %(problem)s") % {"problem": words} for words in outside[:50]]
    if lines:
        raise Refused(lines)


def _key(problem: Problem) -> Key:
    return str(problem.at[0]), str(problem.at[1])


def _placed(problem: Problem, places: dict[Key, Path]) -> Problem:
    return Problem((*places[_key(problem)], *problem.at[2:]), problem.text)


def _named(key: Key) -> str:
    return f"{title_of(key[0])} {key[1]}"


def _carry_out(
    made: Plan, read: _Read, live: Live, loaded: Loaded, *, actor: Actor, reason: str, now: datetime
) -> None:
    entries = transitions.bring_into_force(
        made.apply, live, actor=actor, reason=reason, words=made.in_force, code="policy.loaded"
    )
    drafts, proposed = transitions.propose(made.waiting, live, actor=actor, reason=reason, now=now)
    _remember(read)
    loaded.changed = bool(entries)
    loaded.waiting = [draft.pk for draft in drafts]
    loaded.since_before = len(made.waiting) - len(drafts)
    append_company([*entries, *proposed], now=now)


def _remember(read: _Read) -> None:
    """Keep the words of the file, for the next dump."""
    there = {(row.what, row.name): row for row in MapRecord.objects.all()}
    for position, (key, record) in enumerate(read.said.items()):
        text = json.dumps(record, ensure_ascii=False)
        row = there.get(key) or MapRecord(what=key[0], name=key[1])
        if row.pk is None or row.said != text or row.position != position:
            row.position, row.said = position, text
            row.save()
