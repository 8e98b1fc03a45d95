"""What a load or an edit will do: what comes into force, and what waits for a second person. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from approvals.live_rules import facts_in
from approvals.rules import condition_of
from orchestrator.workmap import differences, loosening
from orchestrator.workmap.checking import check_whole
from orchestrator.workmap.loosening_rules import Surroundings
from orchestrator.workmap.problems import Problem
from orchestrator.workmap.records import ORDER, Key, Record, Records, same


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for a second person. None: not there, or retired."""

    key: Key
    was: Record | None
    becomes: Record | None
    words: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """`apply`: records as they will be (None: retired). `words` says all of it, one change a line; `in_force`
    only what does not wait."""

    apply: dict[Key, Record | None] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    in_force: list[str] = field(default_factory=list)


def after(live: Records, changes: Mapping[Key, Record | None]) -> Records:
    """The records when the changes are in force."""
    whole = {**live, **{key: record for key, record in changes.items() if record is not None}}
    return {key: record for key, record in whole.items() if key not in changes or changes[key] is not None}


def plan(live: Records, wanted: Mapping[Key, Record | None], *, retired: Records, running: bool) -> Plan:
    """How `wanted` (records in normal form; None: retire) comes into force. `retired`: what retired records were.

    On a running system what loosens waits, with what only fits together with it. Nothing here says whether
    `wanted` is right as a whole: it is checked before.
    """
    changes = {
        key: record
        for key, record in wanted.items()
        if not (same(live.get(key), record) if record is not None else key not in live)
    }
    held = _held(live, changes, retired) if running else {}
    apply = {key: held.get(key, record) for key, record in changes.items()}
    apply = {key: record for key, record in apply.items() if not same(live.get(key), record)}
    if held:
        apply = _fitting(live, apply)
    found = Plan(apply=apply)
    for key in sorted(changes, key=lambda key: ORDER[key[0]]):
        _tell(found, live, key, changes[key], retired.get(key))
    return found


def _held(live: Records, changes: Mapping[Key, Record | None], retired: Records) -> dict[Key, Record | None]:
    """Records of which something loosens, as they may come into force now: as they were, or (request types)
    with the rest of their changes."""
    around = surroundings(live)
    held: dict[Key, Record | None] = {}
    for key, new in changes.items():
        old = live.get(key)
        spots = loosening.spots(key[0], old, new, around)
        if key in retired and loosening.spots(key[0], retired[key], new, around):
            spots = [()]  # to retire it and to bring it back looser are two steps of one loosening
        if not spots:
            continue
        part = key[0] == "request_type" and old is not None and new is not None and () not in spots
        held[key] = _without(old or {}, new or {}, spots) if part else old
    return held


def surroundings(live: Records) -> Surroundings:
    """What loosening is judged by: the lines teams pass up, the company's hold, who decides where no rule says who, and
    what is never written without an approval."""
    return Surroundings(
        lines={name: r["escalates_to"] for (what, name), r in live.items() if what == "team" and "escalates_to" in r},
        hold=str(live.get(("company", ""), {}).get("hold", "30s")),
        leads={name: r["lead"] for (what, name), r in live.items() if what == "request_type"},
        lower=frozenset(
            name for (what, name), r in live.items() if what == "operation" and r.get("level") in loosening.LOWER
        ),
        grounds=_grounds(live),
    )


def _grounds(live: Records) -> dict[str, set[str]]:
    grounds: dict[str, set[str]] = {"": set()}
    for (what, _name), record in live.items():
        if what == "rule" and record.get("active", True):
            when = record.get("when", {})
            for type_ in when.get("types") or [""]:
                grounds.setdefault(type_, set()).update(facts_in(condition_of(when)))
        elif what == "operation":
            money, key = record.get("money"), record.get("case_key")
            grounds[""] |= {str(money["fact"])} if isinstance(money, Mapping) else set()
            sources = (
                [one["is"] if isinstance(one, Mapping) else one for one in key.values()]
                if isinstance(key, Mapping)
                else []
            )
            grounds[""] |= {str(source).split(".")[0] for source in sources}
    return grounds


def _without(old: Record, new: Record, spots: list[loosening.Spot]) -> Record:
    """The new request type, with what loosens put back to what it was."""
    mixed = dict(new)
    for spot in spots:
        key = spot[0]
        if len(spot) == 1:
            mixed.pop(key, None)
            if key in old:
                mixed[key] = old[key]
            continue
        before = [part for part in old.get(key, []) if part["name"] == spot[1]]  # none: it is new
        parts = [one for part in mixed.get(key, []) for one in (before if part["name"] == spot[1] else [part])]
        mixed[key] = [*parts, *(one for one in before if one not in parts)]
    return mixed


def _fitting(live: Records, apply: dict[Key, Record | None]) -> dict[Key, Record | None]:
    """What can be in force without what waits. What does not fit without it waits too."""
    old = {problem.text for problem in check_whole(live)}
    while apply:
        problems = [p for p in check_whole(after(live, apply)) if p.text not in old]
        if not problems:
            break
        unfit = {_key(problem) for problem in problems} & set(apply)
        # A record that stands already would be broken: then the retirements wait, in the end everything.
        unfit = unfit or {key for key, record in apply.items() if record is None} or set(apply)
        apply = {key: record for key, record in apply.items() if key not in unfit}
    return apply


def _key(problem: Problem) -> Key:
    return str(problem.at[0]), str(problem.at[1])


def _tell(found: Plan, live: Records, key: Key, new: Record | None, was: Record | None) -> None:
    """Adds the words of one record's change, and what of it waits. `was`: the record before it was retired."""
    old = live.get(key)
    now = found.apply.get(key, old)
    waiting = {difference.spot for difference in differences.between(now, new)}
    held: list[str] = []
    for difference in differences.between(old, new):
        for words in differences.lines(key, difference, was):
            waits = difference.spot in waiting
            (held if waits else found.in_force).append(words)
            found.words.append(_("%(change)s (needs a second person)") % {"change": words} if waits else words)
    if held:
        found.waiting.append(Waiting(key, now, new, tuple(held)))
